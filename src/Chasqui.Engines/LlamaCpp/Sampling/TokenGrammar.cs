using Chasqui.Engines.Grammars;
using Chasqui.Engines.LlamaCpp.Native;

namespace Chasqui.Engines.LlamaCpp.Sampling;

/// <summary>Which tokens fit a grammar at this place of an answer. What a token costs is counted in steps, and bounded. Not thread-safe.</summary>
/// <remarks>llama.cpp's own way follows each way to read a token by itself, so that one token of one ambiguous format could take hours, and cannot be interrupted.</remarks>
internal sealed class TokenGrammar
{
    private readonly LlamaModel _model;
    private readonly GrammarMatcher _matcher;
    private Position[] _walked = [];
    private Position _now;

    /// <param name="model">Whose tokens they are.</param>
    /// <param name="graph">The grammar.</param>
    /// <exception cref="InvalidFormatException">It may begin in too many ways.</exception>
    internal TokenGrammar(LlamaModel model, GrammarGraph graph)
    {
        _model = model;
        _matcher = new GrammarMatcher();
        _now = new Position(_matcher.Start(graph), 0, 0, 0);
    }

    /// <summary>Begins with the next token.</summary>
    internal void Begin() => _now = _now with { State = _matcher.Begin(_now.State) };

    /// <summary>Whether a token may be next.</summary>
    internal bool Allows(int token) => _model.EndsGeneration(token) ? CanEnd : After(token) is not null;

    /// <summary>Takes a token that <see cref="Allows"/>.</summary>
    internal void Accept(int token)
    {
        if (!_model.EndsGeneration(token))
            _now = After(token) ?? throw new EngineFailedException("a token was chosen that does not fit the format");
    }

    /// <summary>Finds all tokens that may be next.</summary>
    /// <returns>How many there are.</returns>
    internal int Find(ReadOnlySpan<float> logits, Span<LlamaTokenData> into)
    {
        var all = _model.Order;
        if (_walked.Length <= all.Longest)
            _walked = new Position[all.Longest + 1];
        _walked[0] = _now;
        var (found, fitting) = (0, 0);
        for (var i = 0; i < all.Tokens.Length; i++)
        {
            // What begins like the one before it, with what did not fit there, does not fit either.
            if (all.SharedAt(i) > fitting)
                continue;
            fitting = all.SharedAt(i);
            var piece = all.PieceAt(i);
            while (fitting < piece.Length && Step(_walked[fitting], piece[fitting]) is { } next)
                _walked[++fitting] = next;
            if (fitting == piece.Length)
                Add(all.Tokens[i], logits, into);
        }
        if (CanEnd)
        {
            foreach (var end in all.Ends)
                Add(end, logits, into);
        }
        return found;

        void Add(int token, ReadOnlySpan<float> logits, Span<LlamaTokenData> into) => into[found++] = new LlamaTokenData { Id = token, Logit = logits[token] };
    }

    private bool CanEnd => _now.Missing == 0 && _now.State.CanEnd;

    private Position? After(int token)
    {
        var piece = _model.Piece(token);
        if (piece.Length == 0 || piece[0] == 0)
            return null;
        Position? at = _now;
        foreach (var next in piece)
        {
            at = Step(at.Value, next);
            if (at is null)
                return null;
        }
        return at;
    }

    private Position? Step(Position at, byte next)
    {
        if (at.Missing == 0)
        {
            return next switch
            {
                < 0x80 => Whole(at.State, next),
                >= 0xC2 and < 0xE0 => Part(at.State, next & 0x1F, 1, 0x80),
                >= 0xE0 and < 0xF0 => Part(at.State, next & 0x0F, 2, 0x800),
                >= 0xF0 and < 0xF5 => Part(at.State, next & 0x07, 3, 0x10000),
                _ => null,
            };
        }
        if ((next & 0xC0) != 0x80)
            return null;
        var value = (at.Value << 6) | (next & 0x3F);
        if (at.Missing > 1)
            return Part(at.State, value, at.Missing - 1, at.Least);
        // A character that is written with more bytes than it needs is none.
        return value >= at.Least ? Whole(at.State, value) : null;
    }

    private Position? Whole(GrammarState state, int rune) => _matcher.Next(state, rune) is { } next ? new Position(next, 0, 0, 0) : null;

    /// <summary>A part of a character fits where a character fits that begins so.</summary>
    private Position? Part(GrammarState state, int value, int missing, int least)
    {
        var low = value << (6 * missing);
        var high = low | ((1 << (6 * missing)) - 1);
        return high >= least && _matcher.MayBe(state, Math.Max(low, least), high) ? new Position(state, value, missing, least) : null;
    }

    /// <param name="State">Where the characters led.</param>
    /// <param name="Value">What is known of the character that has only begun.</param>
    /// <param name="Missing">Bytes that it lacks.</param>
    /// <param name="Least">The least character of that length.</param>
    private readonly record struct Position(GrammarState State, int Value, int Missing, int Least);
}
