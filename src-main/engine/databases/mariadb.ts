import { mysqlEngine } from './mysql/engine.ts'

/** MariaDB 10.4 and later, with the client programs of its own container. */
export const mariadb = mysqlEngine('mariadb', 'MariaDB')
