import { contextBridge, ipcRenderer } from 'electron'

// All that pages can reach: one way to ask, one way to listen. The contract is checked on the other side.
contextBridge.exposeInMainWorld('bridge', {
  request: (name: string, args: unknown): Promise<unknown> =>
    ipcRenderer.invoke('request', name, args),
  onEvent: (listener: (name: string, payload: unknown) => void): (() => void) => {
    const forward = (_event: unknown, name: string, payload: unknown): void =>
      listener(name, payload)
    ipcRenderer.on('event', forward)
    return () => ipcRenderer.off('event', forward)
  },
})
