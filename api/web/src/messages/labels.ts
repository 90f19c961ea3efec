import { catalogue } from './catalogue.ts'
import en from './en/labels.ts'

export const m = catalogue('labels', en)
