namespace Chasqui.Engines.Grammars;

/// <summary>Arrays: items with a place of their own, then items of one schema.</summary>
internal sealed class ArrayRules(GrammarBuilder grammar, JsonRules json, SchemaValue value)
{
    /// <summary>The arrays that satisfy the view; null where none does.</summary>
    public Gbnf? Of(SchemaView view)
    {
        if (!view.SaysArray)
            return json.Array;
        int places = view.ItemRules.Count == 0 ? 0 : view.ItemRules.Max(rule => rule.Prefix.Count);
        int max = view.MaxItems ?? int.MaxValue;
        var items = new List<Gbnf>();
        for (int i = 0; i < places && i < max; i++)
        {
            // An item that nothing satisfies ends the array before it.
            if (value(At(view, i), Place(view, i)) is not { } item)
                max = i;
            else
                items.Add(item);
        }

        Gbnf? rest = null;
        if (max > places)
        {
            // Where only places are said, there are no more items than places, unless more are asked for.
            bool open = view.ItemRules.All(rule => rule.Others is null && rule.Prefix.Count > 0);
            rest = open && places > 0 && view.MinItems <= places ? null : value(At(view, places), Place(view, places));
            if (rest is null)
                max = places;
        }

        return view.MinItems > max ? null : Gbnf.Seq(Gbnf.Text("["), json.Space, Content(items, rest, view.MinItems, max), Gbnf.Text("]"));
    }

    private Gbnf Content(List<Gbnf> items, Gbnf? rest, int min, int max)
    {
        if (max == 0)
            return Gbnf.Empty;
        int? restMax = max == int.MaxValue ? null : max - items.Count;
        // From the end to the beginning: what may follow once i items are there.
        Gbnf after = Gbnf.Empty;
        int first = Math.Max(1, items.Count);
        if (rest is not null)
        {
            int more = items.Count == 0 ? 1 : 0;
            after = grammar.Repeat("items", Gbnf.Seq(json.Comma, rest), Math.Max(0, min - first), restMax - more);
        }

        for (int i = items.Count - 1; i >= 1; i--)
        {
            after = Gbnf.Seq(json.Comma, items[i], after);
            if (i >= min)
                after = grammar.Rule("tail", Gbnf.Optional(after));
        }

        var all = Gbnf.Seq(items.Count > 0 ? items[0] : rest!, after, json.Space);
        return min == 0 ? Gbnf.Optional(all) : all;
    }

    /// <summary>The schemas of the item at a place: of each rule its own for the place, or that for the rest.</summary>
    private static List<SchemaPart> At(SchemaView view, int place) => [.. view.ItemRules
        .Select(rule => place < rule.Prefix.Count ? rule.Prefix[place] : rule.Others).OfType<SchemaPart>()];

    private static SchemaPart Place(SchemaView view, int place) => At(view, place).FirstOrDefault() ?? view.Place;
}
