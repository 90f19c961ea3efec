// The console in German: one file, fetched before the first page by those who want it. The types hold each part to the
// English names and parameters.
import alerts from './alerts.ts'
import audit from './audit.ts'
import brokers from './brokers.ts'
import calibrations from './calibrations.ts'
import cases from './cases.ts'
import channels from './channels.ts'
import commands from './commands.ts'
import devices from './devices.ts'
import display from './display.ts'
import files from './files.ts'
import frame from './frame.ts'
import goods from './goods.ts'
import join from './join.ts'
import labels from './labels.ts'
import levels from './levels.ts'
import live from './live.ts'
import moves from './moves.ts'
import orders from './orders.ts'
import past from './past.ts'
import profiles from './profiles.ts'
import refused from './refused.ts'
import reports from './reports.ts'
import routes from './routes.ts'
import settings from './settings.ts'
import shared from './shared.ts'
import shipment from './shipment.ts'
import shipments from './shipments.ts'
import sites from './sites.ts'
import start from './start.ts'
import stock from './stock.ts'
import table from './table.ts'
import webhooks from './webhooks.ts'

export default {
  alerts, audit, brokers, calibrations, cases, channels, commands, devices, display, files, frame, goods, join, labels, levels, live, moves, orders, past, profiles, refused, reports, routes, settings, shared, shipment, shipments, sites,
  start, stock, table, webhooks,
}
