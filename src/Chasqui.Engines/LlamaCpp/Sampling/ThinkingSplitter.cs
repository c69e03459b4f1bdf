using Chasqui.Engines.LlamaCpp.Prompts;

namespace Chasqui.Engines.LlamaCpp.Sampling;

/// <summary>Parts a thinking model's answer into thinking and text as it streams. Not thread-safe.</summary>
/// <param name="tags">What stands around the thinking.</param>
/// <param name="begun">The prompt ended with the opening tag, so the answer begins inside.</param>
internal sealed class ThinkingSplitter(ThinkingTags tags, bool begun)
{
    private string _held = "";
    private Part _part = begun ? Part.BeforeThought : Part.BeforeTag;

    private enum Part
    {
        /// <summary>Nothing but white space has come yet.</summary>
        BeforeTag,

        /// <summary>Inside, and nothing but white space has come yet.</summary>
        BeforeThought,
        Thought,

        /// <summary>Behind the closing tag, and nothing but white space has come yet.</summary>
        BeforeText,
        Text,
    }

    /// <summary>Takes a piece of the answer.</summary>
    internal (string Thinking, string Text) Push(string piece) => Consume(piece, last: false);

    /// <summary>Returns what was held back because it might have been the beginning of a tag.</summary>
    internal (string Thinking, string Text) Finish() => Consume("", last: true);

    private (string Thinking, string Text) Consume(string piece, bool last)
    {
        var thinking = "";
        var text = "";
        _held += piece;
        while (Advance(last, ref thinking, ref text))
        {
        }

        return (thinking, text);
    }

    /// <returns>Whether a new part began and there is more to look at.</returns>
    private bool Advance(bool last, ref string thinking, ref string text)
    {
        switch (_part)
        {
            case Part.BeforeTag:
                var trimmed = _held.TrimStart();
                if (trimmed.StartsWith(tags.Open, StringComparison.Ordinal))
                    return Enter(Part.BeforeThought, trimmed[tags.Open.Length..]);
                // White space, or what may become the tag: it shows with the next piece.
                return (last || !tags.Open.StartsWith(trimmed, StringComparison.Ordinal)) && Enter(Part.Text, _held);
            case Part.BeforeThought:
                return SkipSpace(Part.Thought);
            case Part.Thought:
                var end = _held.IndexOf(tags.Close, StringComparison.Ordinal);
                var shown = end >= 0 ? end : last ? _held.Length : _held.Length - PossibleTag(_held);
                thinking += end >= 0 || last ? _held[..shown].TrimEnd() : _held[..shown];
                return end >= 0 ? Enter(Part.BeforeText, _held[(end + tags.Close.Length)..]) : Keep(_held[shown..]);
            case Part.BeforeText:
                return SkipSpace(Part.Text);
            default:
                text += _held;
                return Keep("");
        }
    }

    private bool SkipSpace(Part next)
    {
        var trimmed = _held.TrimStart();
        return trimmed.Length > 0 ? Enter(next, trimmed) : Keep("");
    }

    private bool Enter(Part part, string rest)
    {
        _part = part;
        _held = rest;
        return true;
    }

    private bool Keep(string rest)
    {
        _held = rest;
        return false;
    }

    /// <summary>How many characters at the end may be the beginning of the closing tag, white space before it included.</summary>
    private int PossibleTag(string text)
    {
        for (var start = Math.Max(0, text.Length - tags.Close.Length + 1); start < text.Length; start++)
        {
            if (tags.Close.AsSpan().StartsWith(text.AsSpan(start)))
                return text.Length - text.AsSpan(0, start).TrimEnd().Length;
        }

        return text.Length - text.AsSpan().TrimEnd().Length;
    }
}
