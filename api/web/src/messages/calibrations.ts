import { catalogue } from './catalogue.ts'
import en from './en/calibrations.ts'

export const m = catalogue('calibrations', en)
