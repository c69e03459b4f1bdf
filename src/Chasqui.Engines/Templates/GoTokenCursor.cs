using System.Globalization;

namespace Chasqui.Engines.Templates;

/// <summary>Walks over a template's tokens, and words refusals as Go words them, with the line.</summary>
/// <param name="tokens">The tokens; the last one is the end or an error.</param>
internal sealed class GoTokenCursor(List<GoToken> tokens)
{
    /// <summary>A message is cut at so many characters, because a name in it may be as long as the template.</summary>
    internal const int MaxMessage = 300;

    /// <summary>The index of the next token; set it back to read again.</summary>
    internal int Position { get; set; }

    /// <summary>The line on which the action that is being read began; 0 before the first.</summary>
    internal int ActionLine { get; set; }

    internal GoToken Current => tokens[Position];

    /// <summary>Whether the token behind the current one, but for space, is a keyword.</summary>
    internal bool KeywordAfter(string keyword)
    {
        int at = Position + 1;
        while (tokens[at].Kind == GoTokenKind.Space)
            at++;
        return tokens[at].Is(keyword);
    }

    /// <summary>The text of the token that begins at a place of the template; empty where none does.</summary>
    internal string TextAt(int place) => tokens.Find(token => token.Position == place && token.Text.Length > 0).Text ?? "";

    internal GoToken Take()
    {
        var token = tokens[Position];
        // The last token stays, so that whatever looks further sees the end again.
        if (Position < tokens.Count - 1)
            Position++;
        return token;
    }

    internal GoToken TakeNonSpace()
    {
        SkipSpace();
        return Take();
    }

    internal void SkipSpace()
    {
        while (Current.Kind == GoTokenKind.Space)
            Position++;
    }

    internal void ExpectRightDelim(string context)
    {
        var token = TakeNonSpace();
        if (token.Kind != GoTokenKind.RightDelim)
            throw Unexpected(token, context);
    }

    internal InvalidTemplateException Unexpected(GoToken token, string context)
    {
        if (token.Kind != GoTokenKind.Error)
            return Fail($"unexpected {token} in {context}", token.Line);
        string extra = "";
        if (ActionLine != 0 && ActionLine != token.Line)
        {
            extra = string.Create(CultureInfo.InvariantCulture, $" in action started at :{ActionLine}");
            if (token.Text.EndsWith(" action", StringComparison.Ordinal))
                extra = extra[" in action".Length..];
        }

        return Fail(token.Text + extra, token.Line);
    }

    internal InvalidTemplateException Fail(string message, int? line = null)
    {
        if (Current.Kind == GoTokenKind.Error && line is null)
            return Unexpected(Current, "");
        if (message.Length > MaxMessage)
            message = message[..MaxMessage] + "…";
        return new(string.Create(CultureInfo.InvariantCulture, $"template: :{line ?? Current.Line}: {message}"));
    }
}
