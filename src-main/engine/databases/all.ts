export { mariadb } from './mariadb.ts'
export { mysql } from './mysql.ts'
export { postgres } from './postgres.ts'
