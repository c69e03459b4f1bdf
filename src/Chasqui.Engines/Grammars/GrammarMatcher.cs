using System.Runtime.CompilerServices;

namespace Chasqui.Engines.Grammars;

/// <summary>
/// Follows a grammar character by character. All ways to read a text are followed side by side, and ways that come to the same place are one, so that what a character costs depends on
/// how many places there are, and never on how many ways lead there. Not thread-safe.
/// </summary>
internal sealed class GrammarMatcher
{
    /// <summary>Places side by side. A schema of some thousand optional properties has as many.</summary>
    public const int MostPlaces = 8_192;

    /// <summary>Steps for one token: places looked at and made.</summary>
    public const int MostSteps = 20_000_000;

    /// <summary>What is remembered beyond this is forgotten, and found again.</summary>
    private const int MostRemembered = 30_000;

    private const int FewHeads = 64;

    private readonly Dictionary<(GrammarNode, int, GrammarPlace?), GrammarPlace> _places = [];
    private readonly Dictionary<GrammarPlace[], GrammarState>[] _states = [new(new SamePlaces()), new(new SamePlaces())];
    private int _steps;
    private int _remembered;

    /// <summary>Where a text begins.</summary>
    /// <param name="graph">The grammar.</param>
    /// <exception cref="InvalidFormatException">It may begin in too many ways.</exception>
    public GrammarState Start(GrammarGraph graph)
    {
        try
        {
            return StateOf([Place(graph.Root, 0, null)]);
        }
        catch (InvalidFormatException)
        {
            throw new InvalidFormatException(FormattableString.Invariant(
                $"format: at #: an answer may begin in more than {MostPlaces} ways; require some properties, or put fewer alternatives beside each other"));
        }
    }

    /// <summary>How many places, states and ways between them are remembered.</summary>
    public int Remembered => _remembered;

    /// <summary>Steps since <see cref="Begin"/>.</summary>
    public int Steps => _steps;

    /// <summary>Begins with a token, whose steps are counted from now on.</summary>
    /// <param name="state">Where the text has led to.</param>
    /// <returns>The same, which may know less of where it leads.</returns>
    public GrammarState Begin(GrammarState state)
    {
        _steps = 0;
        if (_remembered <= MostRemembered)
            return state;
        _remembered = 0;
        _places.Clear();
        _states[0].Clear();
        _states[1].Clear();
        return new GrammarState(state.Heads, state.CanEnd);
    }

    /// <summary>Where a character leads; null where none may be.</summary>
    /// <exception cref="InvalidFormatException">There are too many ways.</exception>
    public GrammarState? Next(GrammarState state, int rune)
    {
        Count(state.Heads.Length);
        var heads = state.Heads;
        if (heads.Length > FewHeads)
        {
            if (!state.ByRune.TryGetValue(rune, out var known))
            {
                _remembered++;
                state.ByRune[rune] = known = Advance([.. heads.Where(head => head.Node.Matches(head.At, rune))]);
            }
            return known;
        }
        var fitting = 0ul;
        for (var i = 0; i < heads.Length; i++)
        {
            if (heads[i].Node.Matches(heads[i].At, rune))
                fitting |= 1ul << i;
        }
        if (fitting == 0)
            return null;
        if (!state.ByHeads.TryGetValue(fitting, out var next))
            state.ByHeads[fitting] = next = Advance([.. heads.Where((_, i) => (fitting & (1ul << i)) != 0)]);
        return next;
    }

    /// <summary>Whether any character between two may be next.</summary>
    public bool MayBe(GrammarState state, int low, int high)
    {
        Count(state.Heads.Length);
        foreach (var head in state.Heads)
        {
            if (head.Node.MatchesAny(head.At, low, high))
                return true;
        }
        return false;
    }

    private GrammarState? Advance(List<GrammarPlace> heads) => heads.Count == 0 ? null : StateOf(heads.Select(head =>
        head.Node.Kind == GrammarNodeKind.Runes && head.At + 1 < head.Node.Runes.Length ? Place(head.Node, head.At + 1, head.Next) : head.Next));

    /// <summary>The state of these places: what of them waits for a character, or what they lead to without one.</summary>
    private GrammarState StateOf(IEnumerable<GrammarPlace?> places)
    {
        var heads = new List<GrammarPlace>();
        var seen = new HashSet<GrammarPlace>(ReferenceEqualityComparer.Instance);
        var open = new Stack<GrammarPlace?>(places.Reverse());
        var canEnd = false;
        while (open.TryPop(out var place))
        {
            if (place is null)
            {
                canEnd = true;
                continue;
            }
            Count(1);
            if (!seen.Add(place))
                continue;
            if (place.Node.Kind == GrammarNodeKind.Set || (place.Node.Kind == GrammarNodeKind.Runes && place.Node.Runes.Length > 0))
            {
                heads.Add(place);
                if (heads.Count > MostPlaces)
                    throw TooMany();
            }
            else
            {
                Open(place, open);
            }
        }
        var all = heads.ToArray();
        var known = _states[canEnd ? 1 : 0];
        if (!known.TryGetValue(all, out var state))
        {
            _remembered++;
            known.Add(all, state = new GrammarState(all, canEnd));
        }
        return state;
    }

    private void Open(GrammarPlace place, Stack<GrammarPlace?> open)
    {
        var (node, at, next) = (place.Node, place.At, place.Next);
        switch (node.Kind)
        {
            case GrammarNodeKind.Choice:
                for (var i = node.Items.Length - 1; i >= 0; i--)
                    open.Push(Place(node.Items[i], 0, next));
                break;
            case GrammarNodeKind.Sequence when at < node.Items.Length:
                open.Push(Place(node.Items[at], 0, at + 1 < node.Items.Length ? Place(node, at + 1, next) : next));
                break;
            case GrammarNodeKind.Repeat:
                if (at >= node.Min)
                    open.Push(next);
                if (node.Max < 0 || at < node.Max)
                {
                    // Without a maximum there is nothing to count behind the minimum.
                    var count = node.Max < 0 ? Math.Min(at + 1, node.Min) : at + 1;
                    open.Push(Place(node.Items[0], 0, count == node.Max ? next : Place(node, count, next)));
                }
                break;
            default:
                open.Push(next);
                break;
        }
    }

    private GrammarPlace Place(GrammarNode node, int at, GrammarPlace? next)
    {
        if (!_places.TryGetValue((node, at, next), out var place))
        {
            _remembered++;
            _places.Add((node, at, next), place = new GrammarPlace(node, at, next));
        }
        return place;
    }

    private void Count(int steps)
    {
        _steps += steps;
        if (_steps > MostSteps)
            throw TooMany();
    }

    // The request's fault, so no node is blamed for it.
    private static InvalidFormatException TooMany() => new(
        "the format is too ambiguous to be followed: there are too many ways to read what was written so far; let no repetition contain another one");

    /// <summary>Places are one object where they are equal, and found in the same order.</summary>
    private sealed class SamePlaces : IEqualityComparer<GrammarPlace[]>
    {
        public bool Equals(GrammarPlace[]? x, GrammarPlace[]? y)
        {
            if (x!.Length != y!.Length)
                return false;
            for (var i = 0; i < x.Length; i++)
            {
                if (!ReferenceEquals(x[i], y[i]))
                    return false;
            }
            return true;
        }

        public int GetHashCode(GrammarPlace[] obj)
        {
            var hash = new HashCode();
            foreach (var place in obj)
                hash.Add(RuntimeHelpers.GetHashCode(place));
            return hash.ToHashCode();
        }
    }
}
