import { dirname, relative, resolve, sep } from 'node:path'

/**
 * The order of the layers. A file may import from its own layer and from any earlier line, never from
 * a later one. Layers on the same line do not know each other, unless `peers` says so.
 */
const order = [
  ['src-main/contract'],
  ['src-main/engine/ports.ts'],
  ['src-main/engine/lib', 'src-main/engine/hosts'],
  ['src-main/engine/jobs'],
  ['src-main/engine/databases', 'src-main/engine/targets'],
  ['src-main/engine/detect'],
  ['src-main/engine/plan'],
  ['src-main/engine/capture'],
  ['src-main/engine/store'],
  ['src-main/engine/restore'],
  ['src-main/engine/verify'],
  ['src-main/engine/schedule', 'src-main/engine/watch'],
  ['src-main/engine/runs'],
  ['src-main/engine/handlers'],
  ['src-main/engine'],
]

const peers = [['src-main/engine/lib', 'src-main/engine/hosts']]

/** What the engine shows to the programs around it: the contract, its ports, and engine.ts itself. */
const engineOutside = ['src-main/contract', 'src-main/engine/ports.ts', 'src-main/engine']

/** The programs around the engine: what each may import besides itself. */
const programs = {
  'src-main/platform': ['src-main/contract', 'src-main/engine/ports.ts', 'src-main/engine/lib'],
  'src-main/preload': ['src-main/contract'],
  'src-main/serve': [...engineOutside, 'src-main/engine/lib', 'src-main/platform'],
  'src-main/electron': [...engineOutside, 'src-main/engine/lib', 'src-main/platform'],
  'src-main/cli': [...engineOutside, 'src-main/engine/lib', 'src-main/platform', 'src-main/serve'],
  'src-renderer': ['src-main/contract'],
}

/** Where a package (or a Node module) may be imported; nowhere else below src-main and src-renderer. */
const packages = [
  {
    name: /^electron(\/|$)/,
    only: ['src-main/electron', 'src-main/preload'],
    message: 'electron is imported in src-main/electron and src-main/preload alone',
  },
  {
    name: /^node:(http|https|net|tls)$/,
    only: [
      'src-main/engine/hosts',
      'src-main/engine/targets',
      'src-main/serve',
      'src-main/cli/demo',
    ],
    message: 'Docker is reached in engine/hosts alone; the rest speaks to the Host interface',
  },
  {
    name: /^(?!zod(\/|$))/,
    except: ['src-main/contract'],
    message: 'the contract is plain TypeScript: it imports nothing but zod',
  },
  {
    name: /^node:(fs|child_process|net|http|https|tls|dgram|dns|worker_threads)(\/|$)/,
    except: ['src-main/engine/plan'],
    message: 'a plan is computed from data alone: no files, no processes, no network',
  },
  {
    name: /^node:/,
    except: ['src-renderer', 'src-main/preload'],
    message: 'pages and preload run in a browser: no Node modules',
  },
]

const names = [...order.flat(), ...Object.keys(programs)].sort((a, b) => b.length - a.length)

function layerOf(path) {
  return names.find(name => path === name || path.startsWith(`${name}/`)) ?? null
}

function isUnder(path, folders) {
  return folders.some(folder => path === folder || path.startsWith(`${folder}/`))
}

function rank(layer) {
  return order.findIndex(line => line.includes(layer))
}

function mayImport(from, to) {
  if (from === to) return true
  const allowed = programs[from]
  if (allowed) return allowed.includes(to)
  if (rank(to) === -1) return false
  if (rank(to) !== rank(from)) return rank(to) < rank(from)
  return peers.some(pair => pair.includes(from) && pair.includes(to))
}

/** Types vanish at run time; pages may use those of the contract, and the error class, which imports nothing. */
function isTypeOnly(node) {
  if (node.importKind === 'type' || node.exportKind === 'type' || node.type === 'TSImportType') {
    return true
  }
  return (
    node.type === 'ImportDeclaration' &&
    node.specifiers.length > 0 &&
    node.specifiers.every(specifier => specifier.importKind === 'type')
  )
}

function problemOf(file, specifier, node) {
  if (!specifier.startsWith('.')) {
    const broken = packages.find(
      rule =>
        rule.name.test(specifier) &&
        (rule.only ? !isUnder(file, rule.only) : isUnder(file, rule.except)),
    )
    return broken ? `'${specifier}' in ${file}: ${broken.message}` : null
  }
  const target = resolve('/', dirname(file), specifier).slice(1)
  const from = layerOf(file)
  const to = layerOf(target)
  if (from === null || (from === 'src-main/engine' && file.split('/').length > 3)) {
    return `${dirname(file)} is in no layer: give it its place in scripts/eslint/layers.js`
  }
  if (to === null) return null
  if (!mayImport(from, to)) {
    return `${from} must not import ${to}: data and imports go one way (scripts/eslint/layers.js)`
  }
  const needsTypesOnly = from === 'src-renderer' || from === 'src-main/preload'
  if (needsTypesOnly && to !== from && target !== 'src-main/contract/errors.ts') {
    if (!isTypeOnly(node)) return `${from} imports types of the contract only: use 'import type'`
  }
  return null
}

/** Fails on an import that goes against the order of the layers. */
export const layers = {
  meta: {
    type: 'problem',
    docs: { description: 'imports follow the order of the layers' },
    schema: [],
    messages: { layer: '{{problem}}' },
  },
  create(context) {
    const file = relative(context.cwd, context.filename).split(sep).join('/')
    if (!file.startsWith('src-main/') && !file.startsWith('src-renderer/')) return {}
    const check = (node, source) => {
      if (source?.type !== 'Literal' || typeof source.value !== 'string') return
      const problem = problemOf(file, source.value, node)
      if (problem) context.report({ node: source, messageId: 'layer', data: { problem } })
    }
    return {
      ImportDeclaration: node => check(node, node.source),
      ExportNamedDeclaration: node => check(node, node.source),
      ExportAllDeclaration: node => check(node, node.source),
      ImportExpression: node => check(node, node.source),
      TSImportType: node => check(node, node.source ?? node.argument?.literal),
      "CallExpression[callee.name='require']": node => check(node, node.arguments[0]),
    }
  },
}
