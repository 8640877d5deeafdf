import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { app, BrowserWindow, shell } from 'electron'

import { startEngineProcess } from './engine-link.ts'
import { answerRequests, sendEvent } from './ipc.ts'

// This file runs as out/main/main.cjs; everything else that was built lies beside its folder.
const built = join(__dirname, '..')
const page = pathToFileURL(join(built, 'renderer', 'index.html'))

function createWindow(): BrowserWindow {
  const window = new BrowserWindow({
    width: 1120,
    height: 760,
    title: 'Lifeboat',
    webPreferences: {
      preload: join(built, 'preload', 'preload.cjs'),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
    },
  })
  // The window shows our page and no other; links belong to the browser.
  window.webContents.setWindowOpenHandler(({ url }) => {
    if (url.startsWith('https://')) void shell.openExternal(url)
    return { action: 'deny' }
  })
  window.webContents.on('will-navigate', event => event.preventDefault())
  void window.loadURL(page.href)
  return window
}

async function start(): Promise<void> {
  await app.whenReady()
  let shown: BrowserWindow | null = null
  const engine = startEngineProcess(join(built, 'cli', 'engine-process.js'), (name, payload) => {
    if (shown) sendEvent(shown, name, payload)
  })
  answerRequests(engine, page)
  const window = createWindow()
  shown = window
  app.on('second-instance', () => {
    window.restore()
    window.focus()
  })
  app.on('window-all-closed', () => app.quit())

  let closed = false
  app.on('will-quit', event => {
    if (closed) return
    event.preventDefault()
    void engine.close().finally(() => {
      closed = true
      app.quit()
    })
  })
}

// Two windows would mean two engines that write to one repository.
if (app.requestSingleInstanceLock()) void start()
else app.quit()
