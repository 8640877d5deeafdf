import { existsSync } from 'node:fs'
import { builtinModules } from 'node:module'

import { defineConfig, type Plugin } from 'vite'

/** Holds native code, or loads files that lie beside it: stays in node_modules. */
const notBundled = ['sodium-native', '@napi-rs/keyring', 'ssh2', 'cpu-features']

const empty = '\0empty'

/**
 * dockerode loads two things that Lifeboat never calls, at every start. gRPC and protobuf serve the sessions of
 * BuildKit (image builds with registry logins); docker-modem's ssh mode opens a login for each request and
 * checks no host key, so hosts reached over SSH have a connection of their own.
 */
function withoutUnusedParts(): Plugin {
  const unused = /^(@grpc\/grpc-js|@grpc\/proto-loader|protobufjs)$/
  return {
    name: 'without-unused-parts',
    enforce: 'pre',
    resolveId(source, importer) {
      const isModemSsh = source === './ssh' && /[\\/]docker-modem[\\/]/.test(importer ?? '')
      return unused.test(source) || isModemSsh ? empty : null
    },
    load(id) {
      return id === empty ? 'export default {}' : null
    },
  }
}

/** Everything that plain Node runs: the command, `serve`, and the engine process of the window. */
export default defineConfig({
  appType: 'custom',
  plugins: [withoutUnusedParts()],
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
