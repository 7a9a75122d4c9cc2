// SPDX-License-Identifier: Apache-2.0
//
// The two languages in which podlab-image tells how far it is. Only progress has both: errors become part of podctl's messages and of events, which are
// English, and what it prints on standard output is read by programs.
import Control

/// The text in the language of the user's locale.
func said(_ en: String, _ zh: String) -> String { readsChinese ? zh : en }
