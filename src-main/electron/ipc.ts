import { type BrowserWindow, ipcMain } from 'electron'

import type { Answer } from '../contract/answer.ts'
import type { EngineLink } from './engine-link.ts'

const foreign: Answer = {
  ok: false,
  error: {
    code: 'usage',
    message: 'This page may not ask the engine.',
    state: 'Nothing was changed.',
    hint: "Use Lifeboat's own window.",
  },
}

/** Answers what our own page asks, and nobody else: not another page, and not a frame inside ours. */
export function answerRequests(engine: EngineLink, page: URL): void {
  ipcMain.handle('request', (event, name: unknown, args: unknown): Promise<Answer> | Answer => {
    const frame = event.senderFrame
    const isOurs =
      frame !== null && frame.parent === null && frame.url.split('#', 1)[0] === page.href
    return isOurs ? engine.request(String(name), args) : foreign
  })
}

/** Tells the page of something that happened. */
export function sendEvent(window: BrowserWindow, name: string, payload: unknown): void {
  if (!window.isDestroyed()) window.webContents.send('event', name, payload)
}
