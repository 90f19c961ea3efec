import { catalogue } from './catalogue.ts'
import en from './en/devices.ts'

export const m = catalogue('devices', en)
