import { existsSync } from 'node:fs'
import { builtinModules } from 'node:module'

import { defineConfig } from 'vite'

/** Holds native code: stays in node_modules. */
const notBundled = ['@napi-rs/keyring']

/** Everything that plain Node runs: the command, `serve`, and the engine process of the window. */
export default defineConfig({
  appType: 'custom',
  publicDir: false,
  ssr: { noExternal: true, external: notBundled },
  build: {
    ssr: true,
    outDir: 'out/cli',
    emptyOutDir: true,
    target: 'node22',
    minify: false,
    rolldownOptions: {
      input: {
        lifeboat: 'src-main/cli/cli.ts',
        'examine-worker': 'src-main/engine/store/examine-worker.ts',
        'sqlite-worker': 'src-main/engine/databases/sqlite/sqlite-worker.ts',
        ...(existsSync('src-main/electron/engine-process.ts') && {
          'engine-process': 'src-main/electron/engine-process.ts',
        }),
      },
      external: [...builtinModules, /^node:/, ...notBundled],
      // All files lie flat in one folder, so that a path built from import.meta.url holds in every one of them.
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
})
