import { catalogue } from './catalogue.ts'
import en from './en/files.ts'

export const m = catalogue('files', en)
