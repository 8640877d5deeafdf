import js from '@eslint/js'
import { globalIgnores } from 'eslint/config'
import { importX } from 'eslint-plugin-import-x'
import simpleImportSort from 'eslint-plugin-simple-import-sort'
import svelte from 'eslint-plugin-svelte'
import unicorn from 'eslint-plugin-unicorn'
import globals from 'globals'
import tseslint from 'typescript-eslint'

import { layers } from './scripts/eslint/layers.js'
import svelteConfig from './svelte.config.js'

const typescript = ['**/*.ts', '**/*.svelte']
const configFiles = ['*.config.ts', '*.config.js']

const rawIpc = 'The one channel to the pages is electron/ipc.ts and preload/: use the contract'

export default tseslint.config(
  globalIgnores(['node_modules', 'out', 'dist', '.cache', 'coverage', 'test/compat']),

  js.configs.recommended,
  {
    plugins: {
      'import-x': importX,
      'simple-import-sort': simpleImportSort,
      unicorn,
      lifeboat: { rules: { layers } },
    },
    languageOptions: { globals: globals.node },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'import-x/no-default-export': 'error',
      'lifeboat/layers': 'error',
      'simple-import-sort/exports': 'error',
      'simple-import-sort/imports': 'error',
      'unicorn/prefer-node-protocol': 'error',
    },
  },

  {
    files: typescript,
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: ['.svelte'],
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // A parameter that appears once is how the contract table carries the type of a result.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // Objects here are closures that never read 'this', so their methods may be taken out.
      '@typescript-eslint/unbound-method': 'off',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
    },
  },

  {
    files: ['**/*.ts', '**/*.js', '**/*.mjs'],
    rules: { 'unicorn/filename-case': ['error', { case: 'kebabCase' }] },
  },

  {
    files: ['src-main/contract/**'],
    rules: {
      // Tables and types are read by searching; splitting them would scatter one subject.
      'max-lines': 'off',
      'no-restricted-globals': [
        'error',
        ...['process', 'Buffer', 'global', '__dirname', 'window', 'document', 'navigator'].map(
          name => ({ name, message: 'The contract is plain TypeScript: no Node, no DOM' }),
        ),
      ],
    },
  },

  {
    files: ['src-main/contract/**', 'src-main/engine/**'],
    rules: { 'no-console': 'error' },
  },

  {
    files: ['src-main/**', 'src-renderer/**'],
    ignores: ['src-main/electron/ipc.ts', 'src-main/preload/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'ImportSpecifier[imported.name=/^(ipcMain|ipcRenderer)$/]',
          message: rawIpc,
        },
        {
          selector: 'MemberExpression[property.name=/^(ipcMain|ipcRenderer)$/]',
          message: rawIpc,
        },
        {
          selector:
            "CallExpression[callee.property.name='send'][callee.object.property.name='webContents']",
          message: rawIpc,
        },
        {
          selector: "CallExpression[callee.property.name='send'][callee.object.name='webContents']",
          message: rawIpc,
        },
      ],
    },
  },

  svelte.configs.recommended,
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: {
      globals: globals.browser,
      parserOptions: { parser: tseslint.parser, svelteConfig },
    },
    // A rune is declared with let although the code never assigns it; the plugin's rule knows that.
    rules: { 'prefer-const': 'off', 'svelte/prefer-const': 'error' },
  },
  {
    files: ['src-renderer/**/*.svelte'],
    rules: {
      'import-x/no-default-export': 'off',
      'unicorn/filename-case': ['error', { case: 'pascalCase', checkDirectories: false }],
    },
  },

  {
    // The first language is what defines the type of all others.
    files: ['src-renderer/src/messages/**'],
    rules: { '@typescript-eslint/explicit-module-boundary-types': 'off' },
  },

  {
    files: ['test/**', 'lab/**', 'bench/**', 'scripts/**'],
    rules: { '@typescript-eslint/explicit-module-boundary-types': 'off' },
  },
  {
    files: ['test/**'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off', 'max-lines': 'off' },
  },
  {
    files: configFiles,
    rules: {
      'import-x/no-default-export': 'off',
      'unicorn/filename-case': 'off',
    },
  },
)
