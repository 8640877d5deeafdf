/** An image that the lab builds. Its name is the official one's, so that detection sees what it would see. */
export interface LabImage {
  readonly tag: string
  /** Folder below `recipes/`; several tags may share one. */
  readonly recipe: string
  /** A program that has to be made or fetched first and laid into the build's folder. */
  readonly needs?: 'mongod' | 'noshell' | 'minio' | 'client-wheels' | 'chroma-wheels'
  /** Built in the background after everything else, since it takes minutes. */
  readonly slow?: true
}

/** All images; add one by a folder in `recipes/` and a line here. */
export const labImages: readonly LabImage[] = [
  { tag: 'postgres:17', recipe: 'postgres' },
  { tag: 'lab/app:1', recipe: 'app' },
  { tag: 'busybox:1', recipe: 'busybox' },
  { tag: 'lab/noshell:1', recipe: 'noshell', needs: 'noshell' },
  { tag: 'mariadb:11', recipe: 'mariadb' },
  { tag: 'valkey/valkey:8', recipe: 'valkey' },
  { tag: 'redis:8', recipe: 'redis' },
  { tag: 'mongo:6', recipe: 'mongo', needs: 'mongod' },
  { tag: 'lab/client:1', recipe: 'client', needs: 'client-wheels' },
  { tag: 'lab/sshd:1', recipe: 'sshd' },
  { tag: 'chromadb/chroma:1.5.9', recipe: 'chroma', needs: 'chroma-wheels' },
  { tag: 'minio/minio:latest', recipe: 'minio', needs: 'minio', slow: true },
]

/** The root file system that all others start from. */
export const baseTag = 'lab/base:1'
