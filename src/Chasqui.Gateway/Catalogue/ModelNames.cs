namespace Chasqui.Gateway.Catalogue;

/// <summary>Names of models, as clients and nodes write them: <c>[host/][namespace/]model[:tag]</c>. Names are equal without regard to case.</summary>
public static class ModelNames
{
    private const string Host = "registry.ollama.ai/";
    private const string Namespace = "library/";
    private const string Tag = ":latest";

    /// <summary>Compares canonical names.</summary>
    public static StringComparer Comparer => StringComparer.OrdinalIgnoreCase;

    /// <summary>
    /// The one form of a name: without a scheme, without <c>registry.ollama.ai/</c> and <c>library/</c> where they are what is meant anyway, and with its
    /// tag, which is <c>latest</c> where none is given. Letters keep their case, since a node may insist on it; compare with <see cref="Comparer"/>.
    /// Text that is no name is returned with no more than that done to it. Allocates nothing for a name that is canonical.
    /// </summary>
    public static string Canonical(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var rest = name.AsSpan();
        var scheme = rest.IndexOf("://");
        if (scheme > 0)
            rest = rest[(scheme + 3)..];
        if (rest.StartsWith(Host, StringComparison.OrdinalIgnoreCase) && rest[Host.Length..].Contains('/'))
            rest = rest[Host.Length..];
        if (rest.StartsWith(Namespace, StringComparison.OrdinalIgnoreCase) && !rest[Namespace.Length..].Contains('/'))
            rest = rest[Namespace.Length..];

        if (rest.IsEmpty || HasTag(rest))
            return rest.Length == name.Length ? name : rest.ToString();
        return string.Concat(rest, Tag);
    }

    /// <summary>Whether two names mean the same model.</summary>
    public static bool Same(string a, string b) => Comparer.Equals(Canonical(a), Canonical(b));

    /// <summary>Whether a model could have the name: letters and digits of ASCII, <c>_ - . : /</c> and <c>@</c>, not beginning with one of those but <c>_</c>, at most 700.</summary>
    public static bool IsPlausible(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length is 0 or > 700 || !(char.IsAsciiLetterOrDigit(name[0]) || name[0] == '_'))
            return false;
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('_' or '-' or '.' or ':' or '/' or '@'))
                return false;
        }
        return true;
    }

    /// <summary>Whether the name says its tag; a colon before a slash is that of a port.</summary>
    internal static bool HasTag(ReadOnlySpan<char> name) => name.LastIndexOf(':') > name.LastIndexOf('/');

    /// <summary>The name without its tag.</summary>
    internal static ReadOnlySpan<char> WithoutTag(ReadOnlySpan<char> name) => HasTag(name) ? name[..name.LastIndexOf(':')] : name;
}
