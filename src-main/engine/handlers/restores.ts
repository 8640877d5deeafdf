import type { Handlers } from '../../contract/contract.ts'
import type { Services } from './services.ts'
type RestoreHandlers = Pick<
  Handlers,
  'restore.plan' | 'restore.start' | 'undo.list' | 'undo.plan' | 'undo.start' | 'repair.run'
>
const no = (): Promise<never> => Promise.reject(new Error('interim'))
export function restoreHandlers(_services: Services): RestoreHandlers {
  return {
    'restore.plan': no,
    'restore.start': no,
    'undo.list': no,
    'undo.plan': no,
    'undo.start': no,
    'repair.run': () => Promise.resolve({ actions: [] }),
  }
}
