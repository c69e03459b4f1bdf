namespace Chasqui.Engines.Grammars;

/// <summary>A grammar made ready to be followed, by <see cref="GrammarMatcher"/>. Immutable, thread-safe.</summary>
internal sealed class GrammarGraph
{
    /// <summary>So many texts to choose from are put together by what they begin with.</summary>
    private const int ManyTexts = 8;

    private readonly Dictionary<string, GrammarNode> _rules = new(StringComparer.Ordinal);

    private GrammarGraph(IReadOnlyDictionary<string, Gbnf> rules)
    {
        foreach (var name in rules.Keys)
            _rules.Add(name, new GrammarNode(GrammarNodeKind.Sequence));
        foreach (var (name, body) in rules)
            _rules[name].Items = [Make(body)];
        Root = _rules["root"];
    }

    public GrammarNode Root { get; }

    /// <summary>Makes the graph of rules that <see cref="GrammarGuard"/> has let pass: none refers to itself with nothing between.</summary>
    public static GrammarGraph Of(IReadOnlyDictionary<string, Gbnf> rules) => new(rules);

    private GrammarNode Make(Gbnf part) => part switch
    {
        GbnfText text => Text(RunesOf(text)),
        GbnfSet set => new GrammarNode(set.Value),
        GbnfRef reference => _rules[reference.Rule],
        GbnfSequence sequence => new GrammarNode(GrammarNodeKind.Sequence) { Items = [.. sequence.Items.Select(Make)] },
        GbnfChoice choice => Choice(choice),
        GbnfRepeat repeat => new GrammarNode(GrammarNodeKind.Repeat) { Items = [Make(repeat.Item)], Min = repeat.Min, Max = repeat.Max ?? -1 },
        _ => throw new InvalidOperationException($"no grammar has a {part.GetType().Name}"),
    };

    private static GrammarNode Text(int[] runes) => new(GrammarNodeKind.Runes) { Runes = runes };

    private static int[] RunesOf(GbnfText text) => [.. text.Value.EnumerateRunes().Select(rune => rune.Value)];

    private GrammarNode Choice(GbnfChoice choice)
    {
        var node = new GrammarNode(GrammarNodeKind.Choice);
        var texts = choice.Items.OfType<GbnfText>().Select(RunesOf).ToList();
        if (texts.Count < ManyTexts)
        {
            node.Items = [.. choice.Items.Select(Make)];
            return node;
        }
        var merged = new GrammarNode(GrammarNodeKind.Choice);
        Merge(merged, texts);
        node.Items = [merged, .. choice.Items.Where(item => item is not GbnfText).Select(Make)];
        return node;
    }

    /// <summary>Makes a choice of texts a tree of their beginnings, so that thousands of them are a few ways to go on. Without recursion: they may be thousands of characters long.</summary>
    private static void Merge(GrammarNode root, List<int[]> all)
    {
        all.Sort(static (a, b) => a.AsSpan().SequenceCompareTo(b));
        var open = new Queue<(GrammarNode Node, int From, int To, int At)>();
        open.Enqueue((root, 0, all.Count, 0));
        while (open.TryDequeue(out var next))
        {
            var (node, from, to, at) = next;
            var items = new List<GrammarNode>();
            while (from < to)
            {
                var first = all[from];
                // Sorted, so equal ones and those that end here come first.
                if (first.Length == at)
                {
                    if (items.Count == 0)
                        items.Add(new GrammarNode(GrammarNodeKind.Sequence));
                    from++;
                    continue;
                }
                var end = from + 1;
                while (end < to && all[end][at] == first[at])
                    end++;
                var shared = first.AsSpan(at).CommonPrefixLength(all[end - 1].AsSpan(at));
                var beginning = Text(first[at..(at + shared)]);
                if (end - from == 1)
                {
                    items.Add(beginning);
                }
                else
                {
                    var rest = new GrammarNode(GrammarNodeKind.Choice);
                    open.Enqueue((rest, from, end, at + shared));
                    items.Add(new GrammarNode(GrammarNodeKind.Sequence) { Items = [beginning, rest] });
                }
                from = end;
            }
            node.Items = [.. items];
        }
    }
}
