import type { DatabaseEngine } from './database.ts'
import { beginMongodb } from './mongodb/begin.ts'
import { detectMongodb } from './mongodb/detect.ts'
import { countMongodb, examineMongodb } from './mongodb/examine.ts'
import { guideMongodb } from './mongodb/guide.ts'
import { readyMongodb } from './mongodb/ready.ts'
import { mongodbBlockers, recoverMongodb, stageMongodb } from './mongodb/stage.ts'

/** MongoDB 4.4 and later, by its wire protocol through whatever in its container can carry bytes. */
export const mongodb: DatabaseEngine = {
  id: 'mongodb',
  label: 'MongoDB',
  options: [
    {
      name: 'user',
      type: 'text',
      label: 'User',
      help: 'Left empty: the user of the container’s own variables.',
      advanced: true,
    },
    {
      name: 'password',
      type: 'secret',
      label: 'Password',
      help: 'Left empty: the password of the container’s own variables, then no login.',
      advanced: true,
    },
    {
      name: 'authDatabase',
      type: 'text',
      label: 'Database of the user',
      help: 'The database in which the user was made, mostly admin.',
      default: 'admin',
      advanced: true,
    },
    {
      name: 'port',
      type: 'number',
      label: 'Port',
      help: 'Left empty: the port that the container’s command names, then 27017.',
      advanced: true,
    },
  ],
  detect: detectMongodb,
  examine: examineMongodb,
  begin: beginMongodb,
  blockers: mongodbBlockers,
  stage: stageMongodb,
  recover: recoverMongodb,
  ready: readyMongodb,
  count: countMongodb,
  restoreGuide: guideMongodb,
}
