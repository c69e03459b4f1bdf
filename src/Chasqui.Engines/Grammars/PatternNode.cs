namespace Chasqui.Engines.Grammars;

/// <summary>A parsed regular expression.</summary>
internal abstract record PatternNode
{
    public static PatternNode Empty { get; } = new PatternSequence([]);

    /// <summary>Whether it matches the empty text.</summary>
    public abstract bool IsNullable { get; }

    /// <summary>The shortest match, in characters.</summary>
    public abstract long MinLength { get; }

    /// <summary>The longest match, in characters; <see cref="long.MaxValue"/> where there is none.</summary>
    public abstract long MaxLength { get; }

    protected static long Add(long a, long b) => a == long.MaxValue || b == long.MaxValue ? long.MaxValue : a + b;
}

internal sealed record PatternSet(CharSet Set) : PatternNode
{
    public override bool IsNullable => false;
    public override long MinLength => 1;
    public override long MaxLength => 1;
}

/// <summary>Any characters in any number: what stands around a pattern that is not anchored.</summary>
internal sealed record PatternAnything : PatternNode
{
    public override bool IsNullable => true;
    public override long MinLength => 0;
    public override long MaxLength => long.MaxValue;
}

/// <summary>The beginning (<c>^</c>) or the end (<c>$</c>) of the text.</summary>
internal sealed record PatternAnchor(bool IsStart) : PatternNode
{
    public override bool IsNullable => true;
    public override long MinLength => 0;
    public override long MaxLength => 0;
}

internal sealed record PatternSequence(IReadOnlyList<PatternNode> Items) : PatternNode
{
    public override bool IsNullable { get; } = Items.All(item => item.IsNullable);
    public override long MinLength { get; } = Items.Aggregate(0L, (sum, item) => Add(sum, item.MinLength));
    public override long MaxLength { get; } = Items.Aggregate(0L, (sum, item) => Add(sum, item.MaxLength));
}

internal sealed record PatternChoice(IReadOnlyList<PatternNode> Items) : PatternNode
{
    public override bool IsNullable { get; } = Items.Any(item => item.IsNullable);
    public override long MinLength { get; } = Items.Min(item => item.MinLength);
    public override long MaxLength { get; } = Items.Max(item => item.MaxLength);
}

internal sealed record PatternRepeat(PatternNode Item, int Min, int? Max) : PatternNode
{
    public override bool IsNullable { get; } = Min == 0 || Item.IsNullable;
    public override long MinLength { get; } = Times(Item.MinLength, Min);
    public override long MaxLength { get; } = Item.MaxLength == 0 ? 0 : Max is { } max ? Times(Item.MaxLength, max) : long.MaxValue;

    private static long Times(long length, int count) =>
        count == 0 ? 0 : length > long.MaxValue / count ? long.MaxValue : length * count;
}
