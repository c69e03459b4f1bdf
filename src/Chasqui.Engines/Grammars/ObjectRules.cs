using System.Globalization;

namespace Chasqui.Engines.Grammars;

/// <summary>
/// Objects: the declared properties in the order of their declaration, optional ones present or not, then others where
/// <c>additionalProperties</c> allows them. Where it says nothing, only declared properties are written.
/// </summary>
internal sealed class ObjectRules(GrammarBuilder grammar, JsonRules json, SchemaValue value)
{
    private sealed record Property(Gbnf Pair, bool Required);

    /// <summary>The objects that satisfy the view; null where none does.</summary>
    public Gbnf? Of(SchemaView view)
    {
        if (!view.SaysObject)
            return json.Object;
        var names = new OrderedDictionary<string, List<SchemaPart>>(view.Properties, StringComparer.Ordinal);
        foreach (string name in view.Required.Keys)
            names.TryAdd(name, []);
        var properties = new List<Property>();
        foreach (var (name, schemas) in names)
        {
            var parts = schemas.Concat(view.PropertyRules.Where(rule => !rule.Declared.Contains(name))
                .Select(rule => rule.Additional).OfType<SchemaPart>()).ToList();
            bool required = view.Required.ContainsKey(name);
            if (value(parts, schemas.FirstOrDefault() ?? view.Place) is { } content)
                properties.Add(new Property(Pair(name, content), required));
            else if (required)
                throw view.Place.Fail($"property \"{name}\" is required, but no value satisfies its schema; declare it in properties");
        }

        var extra = Extra(view, [.. names.Keys]);
        if (!CountFits(view, properties, extra is not null))
            return null;
        return Gbnf.Seq(Gbnf.Text("{"), json.Space, Content(view, properties, extra), Gbnf.Text("}"));
    }

    private Gbnf Pair(string name, Gbnf content) => grammar.Rule(name,
        Gbnf.Seq(Gbnf.Text(LiteralRules.Quote(name) + ":"), json.Space, content));

    /// <summary>A pair beyond those declared, or null where there may be none.</summary>
    private Gbnf? Extra(SchemaView view, List<string> declared)
    {
        var schemas = view.PropertyRules.Select(rule => rule.Additional).OfType<SchemaPart>().ToList();
        if (schemas.Count == 0 && view.Properties.Count > 0)
            return null;
        if (value(schemas, schemas.Count > 0 ? schemas[0] : view.Place) is not { } content)
            return null;
        var key = declared.Count == 0 ? json.String : OtherName(declared);
        return grammar.Rule("other", Gbnf.Seq(key, Gbnf.Text(":"), json.Space, content));
    }

    private Gbnf Content(SchemaView view, List<Property> properties, Gbnf? extra)
    {
        if (properties.Count == 0)
        {
            if (extra is null)
                return Gbnf.Empty;
            int min = view.MinProperties;
            var pairs = Gbnf.Seq(extra, grammar.Repeat("others", Gbnf.Seq(json.Comma, extra), Math.Max(0, min - 1), view.MaxProperties - 1));
            return view.MaxProperties == 0 ? Gbnf.Empty
                : min == 0 ? Gbnf.Optional(Gbnf.Seq(pairs, json.Space)) : Gbnf.Seq(pairs, json.Space);
        }

        Gbnf after = extra is null ? Gbnf.Empty : grammar.Repeat("others", Gbnf.Seq(json.Comma, extra), 0, null);
        int firstRequired = properties.FindIndex(property => property.Required);
        int lastStart = firstRequired < 0 ? properties.Count - 1 : firstRequired;
        // An object may begin with any property up to the first required one, so what follows each of these is a rule.
        var starts = new Stack<Gbnf>();
        if (firstRequired < 0 && extra is not null)
            starts.Push(Gbnf.Seq(extra, after));
        for (int i = properties.Count - 1; i >= 0; i--)
        {
            if (i <= lastStart)
            {
                if (i > 0)
                    after = grammar.Rule("more", after);
                starts.Push(Gbnf.Seq(properties[i].Pair, after));
            }

            if (i > 0)
            {
                var pair = Gbnf.Seq(json.Comma, properties[i].Pair);
                after = Gbnf.Seq(properties[i].Required ? pair : Gbnf.Optional(pair), after);
            }
        }

        var content = Gbnf.Seq(Gbnf.Any(starts), json.Space);
        return firstRequired < 0 && view.MinProperties == 0 ? Gbnf.Optional(content) : content;
    }

    /// <summary>Whether minProperties and maxProperties hold of themselves; false where they never do.</summary>
    private static bool CountFits(SchemaView view, List<Property> properties, bool open)
    {
        if (properties.Count == 0 && open)
            return view.MinProperties <= (view.MaxProperties ?? int.MaxValue);
        int required = properties.Count(property => property.Required);
        int least = Math.Max(required, view.MinProperties == 1 ? 1 : 0);
        if (required > view.MaxProperties || (!open && properties.Count < view.MinProperties))
            return false;
        if (view.MinProperties > least)
            throw view.Place.Fail("minProperties above 1 is supported only without properties; name what must be there in required");
        if (view.MaxProperties < properties.Count || (open && view.MaxProperties is not null))
            throw view.Place.Fail("maxProperties is supported only without properties; leave out what may not be there");
        return true;
    }

    /// <summary>A name, written without escapes, that is none of those declared: it leaves their tree of letters somewhere.</summary>
    private Gbnf OtherName(List<string> declared)
    {
        long letters = declared.Sum(name => (long)name.Length);
        if (letters > GrammarBuilder.MaxRules)
        {
            throw new InvalidFormatException(string.Create(CultureInfo.InvariantCulture,
                $"format: at #: additionalProperties beside properties whose names have more than {GrammarBuilder.MaxRules} letters is not supported; set it to false"));
        }

        var root = new NameTree();
        foreach (string name in declared)
            root.Add([.. name.EnumerateRunes().Select(rune => rune.Value)]);
        return Gbnf.Seq(Gbnf.Text("\""), root.Leave(grammar, mayEnd: true));
    }

    private sealed class NameTree
    {
        private static readonly CharSet _plain = CharSet.PlainInJson.Intersect(CharSet.Single(0x7F).Complement());
        private readonly SortedDictionary<int, NameTree> _children = [];
        private bool _ends;

        public void Add(ReadOnlySpan<int> name)
        {
            var node = this;
            foreach (int letter in name)
            {
                if (!node._children.TryGetValue(letter, out var child))
                    node._children.Add(letter, child = new NameTree());
                node = child;
            }

            node._ends = true;
        }

        /// <summary>The rest of a name that is none of the tree's, with its closing quote.</summary>
        public Gbnf Leave(GrammarBuilder grammar, bool mayEnd)
        {
            // From the leaves up, without recursion: a name may be thousands of letters long.
            var order = new List<NameTree> { this };
            for (int i = 0; i < order.Count; i++)
                order.AddRange(order[i]._children.Values);
            var rules = new Dictionary<NameTree, Gbnf>();
            for (int i = order.Count - 1; i >= 0; i--)
                rules[order[i]] = order[i].Rule(grammar, rules, mayEnd || i > 0);
            return rules[this];
        }

        private Gbnf Rule(GrammarBuilder grammar, Dictionary<NameTree, Gbnf> rules, bool mayEnd)
        {
            var others = _plain.Intersect(CharSet.Of(_children.Keys.Select(letter => (letter, letter))).Complement());
            var choices = new List<Gbnf> { Gbnf.Seq(Gbnf.Set(others), new GbnfRepeat(Gbnf.Set(_plain), 0, null), Gbnf.Text("\"")) };
            foreach (var (letter, child) in _children)
            {
                if (_plain.Contains(letter))
                    choices.Add(Gbnf.Seq(Gbnf.Set(CharSet.Single(letter)), rules[child]));
            }

            if (!_ends && mayEnd)
                choices.Add(Gbnf.Text("\""));
            return grammar.Rule("name", Gbnf.Any(choices));
        }
    }
}
