/**
 * The labels by which stacks are recognised (docker/compose `pkg/api/labels.go`; Swarm's own). Mind that
 * `config_files`, `working_dir` and `environment_file` sit under `.project.`.
 */
export const composeLabels = {
  project: 'com.docker.compose.project',
  service: 'com.docker.compose.service',
  workingDirectory: 'com.docker.compose.project.working_dir',
  configFiles: 'com.docker.compose.project.config_files',
  environmentFile: 'com.docker.compose.project.environment_file',
  oneOff: 'com.docker.compose.oneoff',
  containerNumber: 'com.docker.compose.container-number',
  configHash: 'com.docker.compose.config-hash',
  dependsOn: 'com.docker.compose.depends_on',
  volume: 'com.docker.compose.volume',
  network: 'com.docker.compose.network',
} as const

export const swarmLabels = {
  namespace: 'com.docker.stack.namespace',
  serviceName: 'com.docker.swarm.service.name',
} as const

/** Set by newer engines on volumes that nobody named. */
export const ANONYMOUS_VOLUME_LABEL = 'com.docker.volume.anonymous'

/** Labels of offen/docker-volume-backup, honoured without changing anything (rule D11). */
export const volumeBackupLabels = {
  stop: 'docker-volume-backup.stop-during-backup',
  stopForGood: 'docker-volume-backup.stop-during-backup-no-restart',
  command: /^docker-volume-backup\.(?:archive|process|copy|prune)-(?:pre|post)$/,
} as const

/** Splits a label that holds a comma list of paths. */
export function pathList(label: string | undefined): readonly string[] {
  return (label ?? '')
    .split(',')
    .map(each => each.trim())
    .filter(each => each !== '')
}
