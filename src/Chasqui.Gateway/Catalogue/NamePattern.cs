namespace Chasqui.Gateway.Catalogue;

/// <summary>
/// A pattern of models' names, in which <c>*</c> stands for any text, without regard to case.
/// Without a <c>*</c> it is a name like any other: <c>llama3</c> is <c>llama3:latest</c> alone. With one, and without a tag, it is held against the name
/// with its tag and against the name without: <c>llama3*</c> is <c>llama3:70b</c> and <c>llama3.3:latest</c>, and <c>*-test</c> is <c>mini-test:latest</c>
/// and <c>mini:q4-test</c>. With a tag it is held against the whole: <c>llama3:*</c>, <c>*:70b</c>. A pattern that begins with <c>library/</c> or
/// <c>registry.ollama.ai/</c> is held against names with these parts written out: <c>library/*</c> is <c>mini:latest</c>, and is not <c>jane/mini:latest</c>.
/// A name that is not well-formed matches no pattern, <c>*</c> neither. Immutable and thread-safe.
/// </summary>
public sealed class NamePattern
{
    private readonly string _pattern;
    private readonly bool _exact;
    private readonly bool _tagged;
    private readonly string _prefix;

    /// <summary>Reads a pattern; every text is one.</summary>
    public NamePattern(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        _exact = !text.Contains('*', StringComparison.Ordinal);
        _tagged = ModelNames.HasTag(text);
        _pattern = _exact ? ModelNames.Canonical(text) : ModelNames.WithoutScheme(text).ToString();
        _prefix = _exact ? "" : PrefixOf(_pattern);
    }

    /// <summary>Whether a model is meant.</summary>
    public bool Matches(string model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (!ModelNames.IsWellFormed(model))
            return false;
        var name = ModelNames.Canonical(model);
        if (_exact)
            return ModelNames.Comparer.Equals(name, _pattern);
        if (_prefix.Length > 0)
            name = WrittenOut(name);
        return Matches(_pattern, name) || (!_tagged && Matches(_pattern, ModelNames.WithoutTag(name)));
    }

    private static string PrefixOf(string pattern) =>
        pattern.StartsWith(ModelNames.DefaultHost, StringComparison.OrdinalIgnoreCase) ? ModelNames.DefaultHost
        : pattern.StartsWith(ModelNames.DefaultNamespace, StringComparison.OrdinalIgnoreCase) ? ModelNames.DefaultNamespace
        : "";

    /// <summary>The name with the parts that go without saying, as far as the pattern writes them.</summary>
    private string WrittenOut(string name)
    {
        var parts = name.AsSpan().Count('/');
        if (parts == 0)
            name = ModelNames.DefaultNamespace + name;
        return _prefix == ModelNames.DefaultHost && parts < 2 ? ModelNames.DefaultHost + name : name;
    }

    /// <summary>As it is held against names.</summary>
    public override string ToString() => _pattern;

    /// <summary>Takes the least text for each star, and more of it for the last star alone when what follows does not fit: no more than pattern times name steps.</summary>
    private static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> name)
    {
        int p = 0, n = 0, star = -1, taken = 0;
        while (n < name.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                star = p++;
                taken = n;
            }
            else if (p < pattern.Length && char.ToUpperInvariant(pattern[p]) == char.ToUpperInvariant(name[n]))
            {
                p++;
                n++;
            }
            else if (star >= 0)
            {
                p = star + 1;
                n = ++taken;
            }
            else
            {
                return false;
            }
        }
        return pattern[p..].IndexOfAnyExcept('*') < 0;
    }
}
