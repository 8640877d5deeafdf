import type { DriverContext } from '../database.ts'
import { StatementError } from '../tools/coprocess.ts'
import type { PostgresFacts } from './facts.ts'
import type { Session } from './session.ts'
import { identifier, literal } from './sql.ts'

/** Makes an empty database with the encoding and locale of the dump's. */
export async function createDatabase(
  context: DriverContext,
  session: Session,
  name: string,
  facts: PostgresFacts,
): Promise<void> {
  const [version] = await session.rows<{ readonly number: number }>(
    `select current_setting('server_version_num')::int as number`,
  )
  const modern = (version?.number ?? 0) >= 150_000
  const provider = facts.localeProvider
  const place = provider === 'icu' ? 'icu_locale' : 'builtin_locale'
  const locale = [
    `lc_collate ${literal(facts.collate)} lc_ctype ${literal(facts.characterType)}`,
    modern ? `locale_provider ${provider}` : '',
    modern && provider !== 'libc' && facts.locale !== null
      ? `${place} ${literal(facts.locale)}`
      : '',
    modern && facts.icuRules !== null ? `icu_rules ${literal(facts.icuRules)}` : '',
  ].join(' ')
  const basis = `create database ${identifier(name)} template template0 encoding ${literal(facts.encoding)}`
  try {
    await session.run(`${basis} ${locale}`)
  } catch (error) {
    if (!(error instanceof StatementError) || !/locale|collat|provider/i.test(error.message))
      throw error
    // Another C library knows other locales. The data is the same; only its order in listings may differ.
    await session.run(`${basis} lc_collate 'C' lc_ctype 'C'`)
    context.warn(
      `The locale ${facts.locale ?? facts.collate} is not known here: the database sorts by code point instead.`,
    )
  }
}
