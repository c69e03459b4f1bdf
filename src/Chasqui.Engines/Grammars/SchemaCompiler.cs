using System.Text.Json;

namespace Chasqui.Engines.Grammars;

/// <summary>
/// Compiles schemas to rules. A scalar is written where it stands; an object, an array or a choice gets a rule of its own,
/// made later from a queue, so that a schema may refer to itself and none is deep.
/// </summary>
internal sealed class SchemaCompiler
{
    private readonly GrammarBuilder _grammar;
    private readonly SchemaPart _root;
    private readonly SchemaReader _reader;
    private readonly LiteralRules _literals;
    private readonly StringRules _strings;
    private readonly NumberRules _numbers;
    private readonly ObjectRules _objects;
    private readonly ArrayRules _arrays;
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private readonly Queue<(string Name, SchemaView View)> _open = new();

    private readonly JsonRules _json;

    /// <param name="root">The schema.</param>
    /// <param name="grammar">Where its rules go.</param>
    /// <param name="json">The rules of JSON in the same grammar.</param>
    public SchemaCompiler(JsonElement root, GrammarBuilder grammar, JsonRules json)
    {
        _grammar = grammar;
        _json = json;
        _root = new SchemaPart(root, "#");
        _reader = new SchemaReader(new SchemaReferences(root));
        _literals = new LiteralRules(_json);
        _strings = new StringRules(_grammar, _json);
        _numbers = new NumberRules(_json);
        _objects = new ObjectRules(_grammar, _json, Value);
        _arrays = new ArrayRules(_grammar, _json, Value);
    }

    /// <summary>The rules of the schema alone.</summary>
    /// <exception cref="InvalidFormatException">The schema is malformed, not supported, too large, or no value satisfies it.</exception>
    public static GrammarBuilder Compile(JsonElement root)
    {
        var grammar = new GrammarBuilder();
        grammar.Set("root", Gbnf.Empty);
        grammar.Set("root", new SchemaCompiler(root, grammar, new JsonRules(grammar)).Write());
        return grammar;
    }

    /// <summary>What satisfies the schema; the rules that it needs are in the grammar.</summary>
    /// <exception cref="InvalidFormatException">The schema is malformed, not supported, too large, or no value satisfies it.</exception>
    public Gbnf Write()
    {
        var value = Value([_root], _root) ?? throw _root.Fail("no value satisfies the schema");
        while (_open.TryDequeue(out var next))
            _grammar.Set(next.Name, Body(next.View) ?? throw next.View.Place.Fail("no value satisfies the schema"));
        return value;
    }

    /// <summary>What satisfies all of the schemas; null where it shows at once that nothing does.</summary>
    private Gbnf? Value(IReadOnlyList<SchemaPart> parts, SchemaPart place)
    {
        var view = _reader.Read(parts, place);
        if (view.Never || view.Effective == SchemaTypes.None)
            return null;
        bool own = view.Alternatives.Count > 0
            || (view.Values is null && (view.Effective & (SchemaTypes.Object | SchemaTypes.Array)) != 0);
        if (!own)
            return Plain(view);
        string key = view.Key;
        if (key.Length == 0)
            return _json.Value;
        if (!_names.TryGetValue(key, out string? name))
        {
            name = _grammar.NewName(place.Pointer[(place.Pointer.LastIndexOf('/') + 1)..]);
            _names.Add(key, name);
            _grammar.Set(name, Gbnf.Empty);
            _open.Enqueue((name, view));
        }

        return Gbnf.Ref(name);
    }

    private Gbnf? Body(SchemaView view)
    {
        if (view.Alternatives.Count == 0)
            return Plain(view);
        // One list of alternatives is resolved here; others of the same view when the rules of its alternatives are made.
        var (part, keyword) = view.Alternatives[0];
        var chosen = keyword == "anyOf" ? part with { AnyOfChosen = true } : part with { OneOfChosen = true };
        var others = view.Parts.Select(other => (ReferenceEquals(other, part) ? chosen : other) with { Followed = true })
            .Where(SchemaView.Speaks).ToList();
        var choices = new List<Gbnf>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var alternative in part.Children(keyword))
        {
            if (Value([.. others, alternative], alternative) is { } choice && seen.Add(choice.ToString()))
                choices.Add(choice);
        }

        return choices.Count == 0 ? null : Gbnf.Any(choices);
    }

    private Gbnf? Plain(SchemaView view)
    {
        if (view.Values is not null)
            return _literals.Of(view);
        var types = view.Effective;
        if (types == SchemaTypes.All && !view.SaysObject && !view.SaysArray && !view.SaysString && !view.SaysNumber)
            return _json.Value;
        var choices = new List<Gbnf?>();
        if (types.HasFlag(SchemaTypes.Object))
            choices.Add(_objects.Of(view));
        if (types.HasFlag(SchemaTypes.Array))
            choices.Add(_arrays.Of(view));
        if (types.HasFlag(SchemaTypes.String))
            choices.Add(_strings.Of(view));
        if (types.HasFlag(SchemaTypes.Fractional))
            choices.Add(_numbers.Number(view.Min, view.Max));
        else if (types.HasFlag(SchemaTypes.Integer))
            choices.Add(_numbers.Integer(view.Min, view.Max));
        if (types.HasFlag(SchemaTypes.Boolean))
            choices.Add(JsonRules.Boolean);
        if (types.HasFlag(SchemaTypes.Null))
            choices.Add(JsonRules.Null);
        var some = choices.OfType<Gbnf>().ToList();
        return some.Count == 0 ? null : Gbnf.Any(some);
    }
}

/// <summary>What satisfies all of the schemas; null where nothing does.</summary>
internal delegate Gbnf? SchemaValue(IReadOnlyList<SchemaPart> parts, SchemaPart place);
