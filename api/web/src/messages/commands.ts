import { catalogue } from './catalogue.ts'
import en from './en/commands.ts'

export const m = catalogue('commands', en)
