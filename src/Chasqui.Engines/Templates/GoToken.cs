namespace Chasqui.Engines.Templates;

internal enum GoTokenKind
{
    Text, LeftDelim, RightDelim, Space, Identifier, Keyword, Field, Variable, Dot, Nil, Bool, Number, Char,
    String, RawString, Pipe, Declare, Assign, LeftParen, RightParen, Symbol, Error, Eof,
}

/// <summary>A token of a template. <c>Text</c> is as written, for a field without its dot; of an error it is the message.</summary>
internal readonly record struct GoToken(GoTokenKind Kind, string Text, int Position, int Line)
{
    public bool Is(string keyword) => Kind == GoTokenKind.Keyword && Text == keyword;

    /// <summary>The token as Go's messages show it.</summary>
    public override string ToString() => Kind switch
    {
        GoTokenKind.Eof => "EOF",
        GoTokenKind.Error => Text,
        GoTokenKind.Keyword or GoTokenKind.Nil => $"<{Text}>",
        GoTokenKind.Field => Shown("." + Text),
        _ => Shown(Text),
    };

    private static string Shown(string text) => text.Length > 10
        ? GoQuote.Quote(text[..10]) + "..."
        : GoQuote.Quote(text);
}
