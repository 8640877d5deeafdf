import { describe, expect, it } from 'vitest'

import { closestName } from '../../../src-main/engine/detect/closest-name.ts'
import { type EngineLists, groupStacks } from '../../../src-main/engine/detect/grouping.ts'
import { imageName, tagVersion } from '../../../src-main/engine/detect/image-name.ts'
import type { ContainerDefinition } from '../../../src-main/engine/hosts/host.ts'
import { engineLists } from '../../fixtures/projects/define.ts'

const app = { image: 'example/app:1', volumes: ['data:/data'] }

function relabelled(
  lists: EngineLists,
  change: (container: ContainerDefinition) => Partial<ContainerDefinition>,
): EngineLists {
  return {
    ...lists,
    containers: lists.containers.map(each => ({ ...each, ...change(each) })),
  }
}

describe('detect/grouping', () => {
  it('groups by Compose project and reads what lies under .project.', () => {
    const lists = relabelled(engineLists([{ name: 'web', services: { app } }]), each => ({
      labels: {
        ...each.labels,
        'com.docker.compose.project.config_files': '/srv/web/compose.yaml,/srv/web/extra.yaml',
        'com.docker.compose.project.environment_file': '/srv/web/prod.env',
      },
    }))
    expect(groupStacks(lists)).toMatchObject([
      {
        name: 'web',
        kind: 'compose',
        workingDirectory: '/srv/web',
        configFiles: ['/srv/web/compose.yaml', '/srv/web/extra.yaml'],
        environmentFiles: ['/srv/web/prod.env'],
        containers: [{ service: 'app' }],
        volumes: [{ name: 'web_data' }],
      },
    ])
  })

  it('makes paths of old Compose versions absolute, and leaves those of Windows alone', () => {
    const files = 'docker-compose.yml,./extra.yml,C:\\apps\\web\\compose.yml'
    const lists = relabelled(engineLists([{ name: 'web', services: { app } }]), each => ({
      labels: { ...each.labels, 'com.docker.compose.project.config_files': files },
    }))
    expect(groupStacks(lists)[0]?.configFiles).toEqual([
      '/srv/web/docker-compose.yml',
      '/srv/web/extra.yml',
      'C:\\apps\\web\\compose.yml',
    ])
  })

  it('leaves out containers of docker compose run and the helpers of Lifeboat', () => {
    const lists = engineLists([{ name: 'web', services: { app, once: app, helper: app } }])
    const marked = relabelled(lists, each => ({
      labels: {
        ...each.labels,
        ...(each.name.includes('once') ? { 'com.docker.compose.oneoff': 'True' } : {}),
        ...(each.name.includes('helper') ? { 'io.lifeboat.helper': 'read' } : {}),
      },
    }))
    expect(groupStacks(marked)[0]?.containers.map(each => each.service)).toEqual(['app'])
  })

  it('groups by Swarm namespace and names services without it', () => {
    const lists = relabelled(engineLists([{ name: 'web', services: { app } }]), () => ({
      labels: {
        'com.docker.stack.namespace': 'shop',
        'com.docker.swarm.service.name': 'shop_frontend',
      },
    }))
    const [swarm] = groupStacks(lists).filter(each => each.kind === 'swarm')
    expect(swarm).toMatchObject({ name: 'shop', containers: [{ service: 'frontend' }] })
  })

  it('makes every other container a stack of its own, named as the container', () => {
    const lists = relabelled(
      engineLists([{ name: 'web', services: { one: app, two: app } }]),
      () => ({
        labels: {},
      }),
    )
    const stacks = groupStacks({ ...lists, volumes: [] })
    expect(stacks.map(each => [each.name, each.kind])).toEqual([
      ['web-one-1', 'standalone'],
      ['web-two-1', 'standalone'],
    ])
  })

  it('gives a container that is named as a project is a name of its own', () => {
    const lists = engineLists([{ name: 'web', services: { app, other: app } }])
    const mixed = relabelled(lists, each =>
      each.name.includes('other') ? { name: 'web', labels: {} } : {},
    )
    expect(groupStacks(mixed).map(each => each.name)).toEqual(['web', 'web.container'])
  })

  it('does not take a container for part of a project whose label it has from its image', () => {
    const lists = engineLists([{ name: 'web', services: { app } }])
    const inherited = relabelled(lists, () => ({
      name: 'by-hand',
      labels: { 'com.docker.compose.project': 'web', 'com.docker.compose.service': 'app' },
    }))
    const images = inherited.images.map(each => ({
      ...each,
      raw: { Config: { Labels: { 'com.docker.compose.project': 'web' } } },
    }))
    const stacks = groupStacks({ ...inherited, volumes: [], images })
    expect(stacks.map(each => [each.name, each.kind])).toEqual([['by-hand', 'standalone']])
    // The same labels without an image that explains them: they count.
    expect(groupStacks({ ...inherited, volumes: [] }).map(each => each.kind)).toEqual(['compose'])
  })

  it('keeps a project of which only volumes are left', () => {
    const lists = engineLists([{ name: 'web', services: { app } }])
    const down = { ...lists, containers: [] }
    expect(groupStacks(down)).toMatchObject([
      { name: 'web', kind: 'compose', containers: [], volumes: [{ name: 'web_data' }] },
    ])
  })
})

describe('detect/image-name', () => {
  it.each([
    ['postgres', '', 'postgres', 'postgres', ''],
    ['docker.io/library/postgres:17@sha256:abc', 'docker.io', 'postgres', 'postgres', '17'],
    ['localhost:5000/a/b/Name:1', 'localhost:5000', 'a/b/name', 'name', '1'],
    [
      'ghcr.io/immich-app/postgres:14-vectorchord',
      'ghcr.io',
      'immich-app/postgres',
      'postgres',
      '14-vectorchord',
    ],
    ['bitnami/redis', '', 'bitnami/redis', 'redis', ''],
    [`sha256:${'0'.repeat(64)}`, '', '', '', ''],
  ])('takes %s apart', (reference, registry, path, name, tag) => {
    expect(imageName(reference)).toEqual({ registry, path, name, tag })
  })

  it('reads versions out of tags', () => {
    expect(tagVersion('v1.0.12-alpine')).toEqual([1, 0, 12])
    expect(tagVersion('0.5.23')).toEqual([0, 5, 23])
    expect(tagVersion('latest')).toBeNull()
    expect(tagVersion('')).toBeNull()
  })
})

describe('detect/closest-name', () => {
  it('finds what was probably meant', () => {
    const known = ['nextcloud', 'paperless', 'immich']
    expect(closestName('nextclod', known)).toBe('nextcloud')
    expect(closestName('Immich', known)).toBe('immich')
    expect(closestName('paper', known)).toBe('paperless')
    expect(closestName('grafana', known)).toBeNull()
    expect(closestName('x', [])).toBeNull()
  })
})
