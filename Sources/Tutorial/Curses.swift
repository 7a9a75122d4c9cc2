// SPDX-License-Identifier: Apache-2.0
//
// The terminal itself: ncursesw copies frames to it and turns its bytes into keys. The only file that knows curses.
import CNcurses
import Glibc
import Grading

public final class Curses {
  private let colours: Bool

  /// Takes the terminal over. nil where it cannot be had: no terminal, TERM=dumb or unknown, no UTF-8.
  public init?(noColour: Bool) {
    guard podlab_curses_locale() == 0, isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 else { return nil }
    guard podlab_curses_start() == 0 else { return nil }
    raw()
    noecho()
    nonl()
    keypad(podlab_curses_screen(), true)
    nodelay(podlab_curses_screen(), true)
    // A lone Escape is taken as one after this many milliseconds.
    set_escdelay(50)
    curs_set(0)
    colours = !noColour && has_colors()
    if colours {
      start_color()
      use_default_colors()
      for (pair, colour) in [(1, COLOR_CYAN), (2, COLOR_GREEN), (3, COLOR_RED)] { init_pair(Int16(pair), Int16(colour), -1) }
    }
  }

  public var rows: Int { Int(podlab_curses_rows()) }
  public var columns: Int { Int(podlab_curses_columns()) }

  public func show(_ frame: Frame) {
    erase()
    for (row, spans) in frame.content.enumerated() {
      for (column, span) in spans where !span.text.isEmpty {
        style(span.style)
        _ = podlab_curses_put(Int32(row), Int32(column), span.text)
      }
    }
    refresh()
  }

  private func style(_ style: Style) {
    let (bold, reverse, dim) = (podlab_curses_bold(), podlab_curses_reverse(), podlab_curses_dim())
    let (attributes, pair): (UInt32, Int32) =
      switch style {
      case .plain: (0, 0)
      case .title: (bold, 0)
      case .code: (0, 1)
      case .good: (bold, 2)
      case .bad: (bold | reverse, 3)
      case .dim: (dim, 0)
      case .keys: (reverse, 0)
      }
    podlab_curses_style(attributes, colours ? pair : 0)
  }

  /// The next key, nil when none is waiting.
  public func key() -> Key? {
    var code: Int32 = 0
    switch podlab_curses_key(&code) {
    case 0: return character(code)
    case 1: return function(code)
    default: return nil
    }
  }

  private func character(_ code: Int32) -> Key? {
    switch code {
    case 10, 13: return .enter
    case 27: return .escape
    case 8, 127: return .backspace
    // Ctrl-C, Ctrl-D: as q, so that what is up is taken down.
    case 3, 4: return .character("q")
    // Ctrl-L: draw everything again.
    case 12:
      clearok(podlab_curses_screen(), true)
      return .resize
    default:
      guard code >= 32, let scalar = Unicode.Scalar(UInt32(code)) else { return nil }
      return .character(Character(scalar))
    }
  }

  private func function(_ code: Int32) -> Key? {
    let known: [(Int, Key)] = [
      (PODLAB_KEY_UP, .up), (PODLAB_KEY_DOWN, .down), (PODLAB_KEY_LEFT, .back), (PODLAB_KEY_RIGHT, .enter), (PODLAB_KEY_PAGE_UP, .pageUp),
      (PODLAB_KEY_PAGE_DOWN, .pageDown), (PODLAB_KEY_RESIZE, .resize), (PODLAB_KEY_BACKSPACE, .backspace), (PODLAB_KEY_ENTER, .enter),
      (PODLAB_KEY_HOME, .home), (PODLAB_KEY_END, .end),
    ]
    return known.first { $0.0 == Int(code) }?.1
  }

  /// Gives the terminal back for a while (a shell), and takes it again.
  public func suspended(_ body: () -> Void) {
    def_prog_mode()
    endwin()
    body()
    reset_prog_mode()
    clearok(podlab_curses_screen(), true)
    refresh()
  }

  public func close() { endwin() }
}
