/** A document of text, boolean, int32 and int64 fields, as BSON. */
function bson(fields: Readonly<Record<string, string | boolean | number | bigint>>): Buffer {
  const parts: Buffer[] = []
  for (const [name, value] of Object.entries(fields)) {
    const key = Buffer.from(`${name}\0`)
    if (typeof value === 'string') {
      const text = Buffer.from(`${value}\0`)
      const length = Buffer.alloc(4)
      length.writeInt32LE(text.length)
      parts.push(Buffer.from([2]), key, length, text)
    } else if (typeof value === 'boolean') {
      parts.push(Buffer.from([8]), key, Buffer.from([value ? 1 : 0]))
    } else if (typeof value === 'number') {
      const number = Buffer.alloc(4)
      number.writeInt32LE(value)
      parts.push(Buffer.from([16]), key, number)
    } else {
      const number = Buffer.alloc(8)
      number.writeBigInt64LE(value)
      parts.push(Buffer.from([18]), key, number)
    }
  }
  const body = Buffer.concat([...parts, Buffer.from([0])])
  const length = Buffer.alloc(4)
  length.writeInt32LE(body.length + 4)
  return Buffer.concat([length, body])
}

const end = Buffer.from([0xff, 0xff, 0xff, 0xff])

/** An archive as `mongodump --archive` writes it (mongo-tools, common/archive/spec.md). */
export function mongoArchive(options: { withoutEndOf?: string; view?: boolean } = {}): Buffer {
  const namespaces = ['users', 'chats', 'files']
  const metadata = (collection: string) =>
    bson({ db: 'app', collection, metadata: '{"indexes":[]}', size: 10, type: 'collection' })
  const data = (collection: string) =>
    Buffer.concat([
      bson({ db: 'app', collection, EOF: false, CRC: 0n }),
      ...Array.from({ length: 400 }, (_, id) => bson({ id, text: 'x'.repeat(id) })),
      end,
    ])
  const eof = (collection: string) =>
    Buffer.concat([bson({ db: 'app', collection, EOF: true, CRC: 5n }), end])
  const view = bson({
    db: 'app',
    collection: 'v',
    metadata: '{"options":{"viewOn":"users"}}',
    size: 0,
  })
  return Buffer.concat([
    Buffer.from([0x6d, 0xe2, 0x99, 0x81]),
    bson({
      concurrent_collections: 4,
      version: '0.1',
      server_version: '6.0.5',
      tool_version: '100.9',
    }),
    ...namespaces.map(metadata),
    ...(options.view === true ? [view] : []),
    end,
    data('users'),
    data('chats'),
    data('users'),
    eof('chats'),
    ...(options.withoutEndOf === 'users' ? [] : [eof('users')]),
    eof('files'),
  ])
}
