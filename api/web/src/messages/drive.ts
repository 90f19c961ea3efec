import { catalogue } from './catalogue.ts'
import en from './en/drive.ts'

export const m = catalogue('drive', en)
