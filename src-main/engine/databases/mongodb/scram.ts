import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

/** The two ways of logging in with a password that MongoDB has (RFC 5802 and RFC 7677). */
export type Mechanism = 'SCRAM-SHA-1' | 'SCRAM-SHA-256'

/** A server that could not prove that it knows the password, or speaks otherwise than RFC 5802. */
export class ScramError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ScramError'
  }
}

const derive = promisify(pbkdf2)

/** The client's side of one login: `first`, then `final` with the server's answer, then `verify`. */
export interface Scram {
  readonly first: string
  final(serverFirst: string): Promise<string>
  verify(serverFinal: string): void
}

function fieldsOf(text: string): ReadonlyMap<string, string> {
  return new Map(text.split(',').map(part => [part.slice(0, 1), part.slice(2)] as const))
}

export function scram(
  mechanism: Mechanism,
  user: string,
  password: string,
  nonce = randomBytes(24).toString('base64'),
): Scram {
  const hash = mechanism === 'SCRAM-SHA-1' ? 'sha1' : 'sha256'
  const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest()
  const secret =
    mechanism === 'SCRAM-SHA-1'
      ? createHash('md5').update(`${user}:mongo:${password}`).digest('hex')
      : password.normalize('NFKC')
  const bare = `n=${user.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`
  let serverKey: Buffer = Buffer.alloc(0)
  let message = ''
  return {
    first: `n,,${bare}`,
    async final(serverFirst) {
      const fields = fieldsOf(serverFirst)
      const joined = fields.get('r') ?? ''
      const rounds = Number(fields.get('i'))
      if (!joined.startsWith(nonce) || joined.length === nonce.length || !(rounds >= 4096)) {
        throw new ScramError('the server’s answer to the login is not as it should be')
      }
      const salt = Buffer.from(fields.get('s') ?? '', 'base64')
      const length = hash === 'sha1' ? 20 : 32
      const salted = await derive(secret, salt, rounds, length, hash)
      const clientKey = hmac(salted, 'Client Key')
      serverKey = hmac(salted, 'Server Key')
      const withoutProof = `c=biws,r=${joined}`
      message = `${bare},${serverFirst},${withoutProof}`
      const signature = hmac(createHash(hash).update(clientKey).digest(), message)
      const proof = clientKey.map((byte, index) => byte ^ (signature[index] ?? 0))
      return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`
    },
    verify(serverFinal) {
      const signature = Buffer.from(fieldsOf(serverFinal).get('v') ?? '', 'base64')
      const expected = hmac(serverKey, message)
      if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
        throw new ScramError('the server could not prove that it knows the password')
      }
    },
  }
}
