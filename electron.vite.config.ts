import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'electron-vite'

/**
 * The shell and the pages. They are built for the oldest Electron that the tests run (22: Node 16, Chrome
 * 108), and so for every newer one. The engine is not in here: it is the Node build of cli.vite.config.ts.
 */
export default defineConfig({
  main: {
    build: {
      externalizeDeps: false,
      outDir: 'out/main',
      target: 'node16',
      rolldownOptions: {
        input: 'src-main/electron/main.ts',
        output: {
          format: 'cjs',
          entryFileNames: '[name].cjs',
          chunkFileNames: '[name]-[hash].cjs',
        },
      },
    },
  },
  preload: {
    build: {
      externalizeDeps: false,
      outDir: 'out/preload',
      target: 'node16',
      rolldownOptions: {
        input: 'src-main/preload/preload.ts',
        // A sandboxed preload is one CommonJS file.
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: 'src-renderer',
    plugins: [svelte({ configFile: '../svelte.config.js' })],
    build: {
      outDir: 'out/renderer',
      target: 'chrome108',
      minify: true,
      rolldownOptions: { input: 'src-renderer/index.html' },
    },
  },
})
