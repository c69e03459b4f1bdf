namespace Chasqui.Engines.Grammars;

/// <summary>
/// Refuses grammars that could not be followed: left recursion, which has no end, and leftmost derivations so long or so
/// many that to begin would cost too much.
/// </summary>
internal sealed class GrammarGuard
{
    private const int MaxDepth = 1_500;
    private const long MaxPaths = 2_000_000;

    private readonly IReadOnlyDictionary<string, Gbnf> _rules;
    private readonly Dictionary<string, bool> _nullable = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (long Paths, int Depth)> _known = new(StringComparer.Ordinal);
    private readonly HashSet<string> _open = new(StringComparer.Ordinal);

    private GrammarGuard(IReadOnlyDictionary<string, Gbnf> rules) => _rules = rules;

    /// <exception cref="InvalidFormatException">The grammar could not be run.</exception>
    public static void Check(IReadOnlyDictionary<string, Gbnf> rules)
    {
        var guard = new GrammarGuard(rules);
        long total = 0;
        foreach (string rule in rules.Keys)
        {
            total += guard.Follow(rule, 0).Paths;
            if (total > MaxPaths)
                throw Refuse("its alternatives refer to each other in too many ways");
        }
    }

    private (long Paths, int Depth) Follow(string rule, int depth)
    {
        if (_known.TryGetValue(rule, out var known))
            return known;
        if (!_open.Add(rule))
            throw Refuse("a schema refers to itself with nothing between (through $ref, anyOf, oneOf or allOf alone); put the reference inside properties or items");
        if (depth > MaxDepth)
            throw Refuse($"references and optional properties follow each other more than {MaxDepth} deep");
        long paths = 1;
        int deepest = 0;
        foreach (string first in Firsts(_rules[rule]))
        {
            var (more, below) = Follow(first, depth + 1);
            paths = Math.Min(MaxPaths + 1, paths + more);
            deepest = Math.Max(deepest, below);
        }

        if (deepest >= MaxDepth)
            throw Refuse($"references and optional properties follow each other more than {MaxDepth} deep");
        _open.Remove(rule);
        return _known[rule] = (paths, deepest + 1);
    }

    private IEnumerable<string> Firsts(Gbnf node)
    {
        switch (node)
        {
            case GbnfRef reference:
                yield return reference.Rule;
                break;
            case GbnfRepeat repeat:
                foreach (string first in Firsts(repeat.Item))
                    yield return first;
                break;
            case GbnfChoice choice:
                foreach (string first in choice.Items.SelectMany(Firsts))
                    yield return first;
                break;
            case GbnfSequence sequence:
                foreach (var item in sequence.Items)
                {
                    foreach (string first in Firsts(item))
                        yield return first;
                    if (!IsNullable(item, 0))
                        break;
                }

                break;
        }
    }

    private bool IsNullable(Gbnf node, int depth) => depth > MaxDepth || node switch
    {
        GbnfText text => text.Value.Length == 0,
        GbnfRef reference => IsNullable(reference.Rule, depth),
        GbnfRepeat repeat => repeat.Min == 0 || IsNullable(repeat.Item, depth),
        GbnfChoice choice => choice.Items.Any(item => IsNullable(item, depth)),
        GbnfSequence sequence => sequence.Items.All(item => IsNullable(item, depth)),
        _ => false,
    };

    private bool IsNullable(string rule, int depth)
    {
        if (_nullable.TryGetValue(rule, out bool known))
            return known;
        // While a rule is being looked at it counts as not empty: only what does not go through itself can make it so.
        _nullable[rule] = false;
        return _nullable[rule] = IsNullable(_rules[rule], depth + 1);
    }

    private static InvalidFormatException Refuse(string why) => new($"format: at #: {why}");
}
