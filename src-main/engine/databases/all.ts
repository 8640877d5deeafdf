export { mariadb } from './mariadb.ts'
export { mongodb } from './mongodb.ts'
export { mysql } from './mysql.ts'
export { postgres } from './postgres.ts'
