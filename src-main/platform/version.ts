import packageJson from '../../package.json' with { type: 'json' }

/** Lifeboat's own version. */
export const VERSION: string = packageJson.version
