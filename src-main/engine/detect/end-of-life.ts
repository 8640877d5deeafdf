/** Last day on which a release series of an engine gets fixes from its makers, by engine id and series. */
const lastDays: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  postgres: {
    '9.6': '2021-11-11',
    '10': '2022-11-10',
    '11': '2023-11-09',
    '12': '2024-11-21',
    '13': '2025-11-13',
    '14': '2026-11-12',
    '15': '2027-11-11',
    '16': '2028-11-09',
    '17': '2029-11-08',
    '18': '2030-11-14',
  },
  mariadb: {
    '10.3': '2023-05-25',
    '10.4': '2024-06-18',
    '10.5': '2025-06-24',
    '10.6': '2026-07-06',
    '10.11': '2028-02-16',
    '11.4': '2029-05-29',
  },
  mysql: { '5.6': '2021-02-05', '5.7': '2023-10-31', '8.0': '2026-04-30', '8.4': '2032-04-30' },
  mongodb: {
    '4.2': '2023-04-30',
    '4.4': '2024-02-29',
    '5.0': '2024-10-31',
    '6.0': '2025-07-31',
    '7.0': '2027-08-31',
    '8.0': '2029-10-31',
  },
}

/** The day after which a version gets no more fixes, when that is before `today` (both ISO dates); else null. */
export function endedOn(engine: string, version: string, today: string): string | null {
  const series = lastDays[engine]
  const match = /^(\d+)(?:\.(\d+))?/.exec(version)
  if (series === undefined || match?.[1] === undefined) return null
  const day = series[`${match[1]}.${match[2] ?? ''}`] ?? series[match[1]]
  return day !== undefined && day < today.slice(0, 10) ? day : null
}
