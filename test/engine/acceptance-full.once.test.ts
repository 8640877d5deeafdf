import { describeFullSize } from './acceptance-full.ts'

describeFullSize()
