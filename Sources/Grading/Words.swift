// SPDX-License-Identifier: Apache-2.0
import LabKit

/// Texts in two languages are LabKit's.
public typealias Text = LabKit.Text
public typealias Language = LabKit.Language
public typealias Cells = LabKit.Cells
