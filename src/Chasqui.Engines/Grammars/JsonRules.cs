namespace Chasqui.Engines.Grammars;

/// <summary>
/// The rules of JSON itself (RFC 8259), tightened where a model could run on for ever: between tokens at most a space or one
/// line break with 20 characters of indent, numbers of at most 16 digits a part. Each is added to the grammar when first used.
/// </summary>
internal sealed class JsonRules(GrammarBuilder grammar)
{
    private static readonly CharSet _hex = CharSet.Of(('0', '9'), ('A', 'F'), ('a', 'f'));

    public Gbnf Space => Named("ws", () => Gbnf.Any(Gbnf.Empty, Gbnf.Text(" "),
        Gbnf.Seq(Gbnf.Text("\n"), Small(CharSet.Of((' ', ' '), ('\t', '\t')), 0, 20))));

    public Gbnf Comma => Gbnf.Seq(Gbnf.Text(","), Space);

    public static Gbnf Boolean { get; } = Gbnf.Any(Gbnf.Text("true"), Gbnf.Text("false"));

    public static Gbnf Null { get; } = Gbnf.Text("null");

    /// <summary>The digits before a point.</summary>
    public Gbnf Whole => Named("whole", () => Gbnf.Any(Gbnf.Text("0"),
        Gbnf.Seq(Gbnf.Set(CharSet.Of(('1', '9'))), Small(CharSet.Digits, 0, 15))));

    public Gbnf Integer => Named("integer", () => Gbnf.Seq(Gbnf.Optional(Gbnf.Text("-")), Whole));

    /// <summary>A point and digits, or nothing.</summary>
    public Gbnf Fraction => Named("fraction", () => Gbnf.Optional(Gbnf.Seq(Gbnf.Text("."), Small(CharSet.Digits, 1, 16))));

    public Gbnf Number => Named("number", () => Gbnf.Seq(Integer, Fraction, Gbnf.Optional(Gbnf.Seq(
        Gbnf.Set(CharSet.Of(('E', 'E'), ('e', 'e'))), Gbnf.Optional(Gbnf.Set(CharSet.Of(('+', '+'), ('-', '-')))),
        Small(CharSet.Digits, 1, 2)))));

    /// <summary>One character of a text, as it is or escaped; half a surrogate pair is none.</summary>
    public Gbnf Char => Named("char", () => Gbnf.Any(
        Gbnf.Set(CharSet.PlainInJson.Intersect(CharSet.Single(0x7F).Complement())),
        Gbnf.Seq(Gbnf.Text("\\"), Gbnf.Any(
            Gbnf.Set(CharSet.Of("\"\\/bfnrt".Select(c => ((int)c, (int)c)))),
            Gbnf.Seq(Gbnf.Text("u"), CodeUnit)))));

    private static Gbnf CodeUnit
    {
        get
        {
            var d = Gbnf.Set(CharSet.Of(('D', 'D'), ('d', 'd')));
            return Gbnf.Any(
                Gbnf.Seq(Gbnf.Set(CharSet.Of(('0', '9'), ('A', 'C'), ('E', 'F'), ('a', 'c'), ('e', 'f'))), Small(_hex, 3, 3)),
                Gbnf.Seq(d, Gbnf.Set(CharSet.Of(('0', '7'))), Small(_hex, 2, 2)),
                Gbnf.Seq(d, Gbnf.Set(CharSet.Of(('8', '9'), ('A', 'B'), ('a', 'b'))), Small(_hex, 2, 2), Gbnf.Text("\\u"),
                    d, Gbnf.Set(CharSet.Of(('C', 'F'), ('c', 'f'))), Small(_hex, 2, 2)));
        }
    }

    public Gbnf String => Named("string", () => Gbnf.Seq(Gbnf.Text("\""), new GbnfRepeat(Char, 0, null), Gbnf.Text("\"")));

    public Gbnf Array => Named("array", () => Gbnf.Seq(Gbnf.Text("["), Space,
        Gbnf.Optional(Gbnf.Seq(Value, grammar.Repeat("items", Gbnf.Seq(Comma, Value), 0, null), Space)), Gbnf.Text("]")));

    public Gbnf Object => Named("object", () => Gbnf.Seq(Gbnf.Text("{"), Space,
        Gbnf.Optional(Gbnf.Seq(Pair, grammar.Repeat("pairs", Gbnf.Seq(Comma, Pair), 0, null), Space)), Gbnf.Text("}")));

    public Gbnf Value => Named("value", () => Gbnf.Any(Object, Array, String, Number, Boolean, Null));

    private Gbnf Pair => Named("pair", () => Gbnf.Seq(String, Gbnf.Text(":"), Space, Value));

    private static GbnfRepeat Small(CharSet set, int min, int max) => new(Gbnf.Set(set), min, max);

    private Gbnf Named(string name, Func<Gbnf> body)
    {
        if (!grammar.Rules.ContainsKey(name))
        {
            // The rule may refer to itself, so its name is taken before its body is made.
            grammar.Set(name, Gbnf.Empty);
            grammar.Set(name, body());
        }

        return Gbnf.Ref(name);
    }
}
