// Writes docs/images/demo.svg from what `lifeboat demo` really prints: node scripts/demo-picture.ts
import { spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const cli = join(root, 'src-main', 'cli', 'cli.ts')
const demo = spawnSync(process.execPath, [cli, 'demo', '--no-docker'], { encoding: 'utf8' })
if (demo.status !== 0) throw new Error(`the demo failed:\n${demo.stdout}\n${demo.stderr}`)

const lineHeight = 18
const characterWidth = 8.2
const lines = demo.stdout.trimEnd().split('\n')

/** Marks good and bad lines by colour as well; their signs say the same. */
function colourOf(line: string): string {
  if (line.includes('✗')) return '#ff9d9d'
  if (line.includes('✓')) return '#8fe3a2'
  if (line.startsWith('──')) return '#ffffff'
  return '#c9d1d9'
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

const width = Math.ceil(84 * characterWidth)
const height = (lines.length + 2) * lineHeight
const rows = lines.map((line, index) => {
  const y = (index + 1.8) * lineHeight
  return `<text x="16" y="${y}" fill="${colourOf(line)}" xml:space="preserve">${escaped(line)}</text>`
})
const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Output of lifeboat demo" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="13.5">
<rect width="${width}" height="${height}" rx="8" fill="#161b22"/>
${rows.join('\n')}
</svg>
`
await mkdir(join(root, 'docs', 'images'), { recursive: true })
await writeFile(join(root, 'docs', 'images', 'demo.svg'), picture)
