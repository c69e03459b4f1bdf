using System.Globalization;
using System.Text;

namespace Chasqui.Engines.Templates;

/// <summary>
/// Splits a template into tokens, by the rules of Go's <c>text/template</c>. Spaces inside an action are tokens, because they
/// part arguments. The list ends with an <see cref="GoTokenKind.Eof"/> or an <see cref="GoTokenKind.Error"/>.
/// </summary>
internal sealed class GoLexer
{
    private static readonly HashSet<string> _keywords =
        ["block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"];

    private readonly string _text;
    private readonly List<GoToken> _tokens = [];
    private int _pos;
    private int _line = 1;
    private int _counted;

    private GoLexer(string text) => _text = text;

    public static List<GoToken> Split(string text)
    {
        var lexer = new GoLexer(text);
        lexer.Run();
        return lexer._tokens;
    }

    private void Run()
    {
        bool trimStart = false;
        while (true)
        {
            int open = _text.IndexOf("{{", _pos, StringComparison.Ordinal);
            int start = _pos, end = open < 0 ? _text.Length : open;
            if (trimStart)
                start += SpacesAt(start, end);
            bool trims = open >= 0 && IsLeftTrim(open + 2);
            int kept = end;
            while (trims && kept > start && IsSpace(_text[kept - 1]))
                kept--;
            if (kept > start)
                Emit(GoTokenKind.Text, start, kept);
            if (open < 0)
            {
                Emit(GoTokenKind.Eof, _text.Length, _text.Length);
                return;
            }

            _pos = open + (trims ? 4 : 2);
            int commentAt = open + (trims ? 4 : 2);
            if (At(commentAt, "/*"))
            {
                if (!Comment(open, commentAt, out trimStart))
                    return;
                continue;
            }

            Emit(GoTokenKind.LeftDelim, open, open + 2);
            if (!Action(out trimStart))
                return;
        }
    }

    private bool Comment(int open, int at, out bool trims)
    {
        trims = false;
        int close = _text.IndexOf("*/", at + 2, StringComparison.Ordinal);
        if (close < 0)
            return Fail(open, "unclosed comment");
        _pos = close + 2;
        if (!AtRightDelim(out trims))
            return Fail(open, "comment ends before closing delimiter");
        _pos += trims ? 4 : 2;
        return true;
    }

    private bool Action(out bool trims)
    {
        int parens = 0;
        while (true)
        {
            if (AtRightDelim(out trims))
            {
                if (parens > 0)
                    return Fail(_pos, "unclosed left paren");
                Emit(GoTokenKind.RightDelim, _pos, _pos + (trims ? 4 : 2));
                _pos += trims ? 4 : 2;
                return true;
            }

            if (_pos >= _text.Length)
                return Fail(_pos, "unclosed action");
            char c = _text[_pos];
            int start = _pos;
            bool ok = c switch
            {
                _ when IsSpace(c) => Spaces(),
                '=' => Take(GoTokenKind.Assign, 1),
                ':' => At(_pos + 1, "=") ? Take(GoTokenKind.Declare, 2) : Fail(start, "expected :="),
                '|' => Take(GoTokenKind.Pipe, 1),
                '"' => Quoted('"', GoTokenKind.String, "unterminated quoted string"),
                '\'' => Quoted('\'', GoTokenKind.Char, "unterminated character constant"),
                '`' => RawQuoted(),
                '$' => Name(GoTokenKind.Variable),
                '.' when _pos + 1 >= _text.Length || !char.IsAsciiDigit(_text[_pos + 1]) => Name(GoTokenKind.Field),
                '.' or '+' or '-' or (>= '0' and <= '9') => Number(),
                '(' => Paren(GoTokenKind.LeftParen, ref parens, 1),
                ')' => Paren(GoTokenKind.RightParen, ref parens, -1),
                _ when IsNameChar(c) => Word(),
                _ when c is > ' ' and < '\x7f' => Take(GoTokenKind.Symbol, 1),
                _ => Fail(start, $"unrecognized character in action: {Unicode(start)}"),
            };
            if (!ok)
                return false;
        }
    }

    private bool Paren(GoTokenKind kind, ref int parens, int change)
    {
        parens += change;
        return parens < 0 ? Fail(_pos, "unexpected right paren") : Take(kind, 1);
    }

    private bool Spaces()
    {
        int start = _pos;
        while (_pos < _text.Length && IsSpace(_text[_pos]))
        {
            // The last space before a trimming right delimiter belongs to that delimiter.
            if (AtRightDelim(out _))
                break;
            _pos++;
        }

        Emit(GoTokenKind.Space, start, _pos);
        return true;
    }

    private bool Quoted(char quote, GoTokenKind kind, string unterminated)
    {
        int i = _pos + 1;
        while (i < _text.Length && _text[i] != quote && _text[i] != '\n')
            i += _text[i] == '\\' && i + 1 < _text.Length && _text[i + 1] != '\n' ? 2 : 1;
        return i < _text.Length && _text[i] == quote ? Take(kind, i + 1 - _pos) : Fail(_pos, unterminated);
    }

    private bool RawQuoted()
    {
        int close = _text.IndexOf('`', _pos + 1);
        return close < 0 ? Fail(_pos, "unterminated raw quoted string") : Take(GoTokenKind.RawString, close + 1 - _pos);
    }

    private bool Name(GoTokenKind kind)
    {
        int end = _pos + 1;
        while (end < _text.Length && IsNameChar(_text[end]))
            end++;
        if (!AtTerminator(end))
            return Fail(_pos, $"bad character {Unicode(end)}");
        if (kind == GoTokenKind.Field)
            return end == _pos + 1 ? Take(GoTokenKind.Dot, 1) : Take(kind, end - _pos, skip: 1);
        return Take(kind, end - _pos);
    }

    private bool Word()
    {
        int end = _pos;
        while (end < _text.Length && IsNameChar(_text[end]))
            end++;
        if (!AtTerminator(end))
            return Fail(_pos, $"bad character {Unicode(end)}");
        string word = _text[_pos..end];
        return Take(word switch
        {
            "true" or "false" => GoTokenKind.Bool,
            "nil" => GoTokenKind.Nil,
            _ => _keywords.Contains(word) ? GoTokenKind.Keyword : GoTokenKind.Identifier,
        }, end - _pos);
    }

    private bool Number()
    {
        int end = _pos + 1;
        while (end < _text.Length && (IsNameChar(_text[end]) || _text[end] == '.' ||
            (_text[end] is '+' or '-' && _text[end - 1] is 'e' or 'E')))
        {
            end++;
        }

        return Take(GoTokenKind.Number, end - _pos);
    }

    private bool AtTerminator(int at) =>
        at >= _text.Length || IsSpace(_text[at]) || _text[at] is '.' or ',' or '|' or ':' or ')' or '(' || At(at, "}}");

    private bool AtRightDelim(out bool trims)
    {
        trims = _pos + 1 < _text.Length && IsSpace(_text[_pos]) && _text[_pos + 1] == '-' && At(_pos + 2, "}}");
        return trims || At(_pos, "}}");
    }

    private bool IsLeftTrim(int at) => at + 1 < _text.Length && _text[at] == '-' && IsSpace(_text[at + 1]);

    private bool At(int at, string what) => string.CompareOrdinal(_text, at, what, 0, what.Length) == 0;

    private int SpacesAt(int from, int to)
    {
        int n = 0;
        while (from + n < to && IsSpace(_text[from + n]))
            n++;
        return n;
    }

    private bool Take(GoTokenKind kind, int length, int skip = 0)
    {
        Emit(kind, _pos + skip, _pos + length, _pos);
        _pos += length;
        return true;
    }

    private void Emit(GoTokenKind kind, int start, int end, int? at = null)
    {
        int position = at ?? start;
        _tokens.Add(new GoToken(kind, _text[start..end], position, LineAt(position)));
    }

    private bool Fail(int at, string message)
    {
        _tokens.Add(new GoToken(GoTokenKind.Error, message, at, LineAt(at)));
        return false;
    }

    private int LineAt(int position)
    {
        // Tokens come in order, so each newline is counted once; an error may point back into what was counted.
        if (position < _counted)
            return 1 + _text.AsSpan(0, position).Count('\n');
        _line += _text.AsSpan(_counted, Math.Min(position, _text.Length) - _counted).Count('\n');
        _counted = Math.Min(position, _text.Length);
        return _line;
    }

    private string Unicode(int at)
    {
        if (at >= _text.Length)
            return "U+FFFD";
        var rune = Rune.TryGetRuneAt(_text, at, out var found) ? found : Rune.ReplacementChar;
        string code = "U+" + rune.Value.ToString("X4", CultureInfo.InvariantCulture);
        return Rune.IsControl(rune) ? code : $"{code} '{rune}'";
    }

    private static bool IsSpace(char c) => c is ' ' or '\t' or '\r' or '\n';

    private static bool IsNameChar(char c) => c == '_' || char.IsLetterOrDigit(c);
}
