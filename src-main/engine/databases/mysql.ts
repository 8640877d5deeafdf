import { mysqlEngine } from './mysql/engine.ts'

/** MySQL 5.7 and later, with the client programs of its own container. */
export const mysql = mysqlEngine('mysql', 'MySQL')
