namespace Chasqui;

/// <summary>Names of models, as clients and nodes write them: <c>[http[s]://][host/][namespace/]model[:tag]</c>. Names are equal without regard to case.</summary>
/// <remarks>This is the only place that knows what a name means. A key is checked for the same form that a node is asked for.</remarks>
public static class ModelNames
{
    /// <summary>The registry that is meant where none is named, with the slash after it.</summary>
    public const string DefaultHost = "registry.ollama.ai/";

    /// <summary>The owner that is meant where none is named, with the slash after it.</summary>
    public const string DefaultNamespace = "library/";

    /// <summary>The longest name, in characters.</summary>
    public const int MaxLength = 700;

    private const string Tag = ":latest";

    /// <summary>Compares canonical names.</summary>
    public static StringComparer Comparer => StringComparer.OrdinalIgnoreCase;

    /// <summary>
    /// The one form of a name: without <c>http://</c> or <c>https://</c>, without <c>registry.ollama.ai/</c> and <c>library/</c> where they go without
    /// saying, and with its tag, which is <c>latest</c> where none is given. Letters keep their case, since a node may insist on it; compare with
    /// <see cref="Comparer"/>. The canonical form of a canonical form is itself. Text that is not <see cref="IsWellFormed"/> is returned as it is.
    /// Allocates nothing for a name that is canonical.
    /// </summary>
    public static string Canonical(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!IsWellFormed(name))
            return name;
        var rest = WithoutScheme(name);
        if (rest.StartsWith(DefaultHost, StringComparison.OrdinalIgnoreCase) && rest[DefaultHost.Length..].Count('/') == 1)
            rest = rest[DefaultHost.Length..];
        if (rest.StartsWith(DefaultNamespace, StringComparison.OrdinalIgnoreCase) && !rest[DefaultNamespace.Length..].Contains('/'))
            rest = rest[DefaultNamespace.Length..];

        if (HasTag(rest))
            return rest.Length == name.Length ? name : rest.ToString();
        return string.Concat(rest, Tag);
    }

    /// <summary>Whether two names mean the same model.</summary>
    public static bool Same(string a, string b) => Comparer.Equals(Canonical(a), Canonical(b));

    /// <summary>
    /// Whether a node may be asked in the caller's own spelling, which the caller meets again in the answer: both names mean the same model, and the
    /// caller's has no scheme, which not every reader of names takes off in the same way.
    /// </summary>
    /// <param name="asked">The caller's spelling.</param>
    /// <param name="name">The node's name for the model.</param>
    public static bool SameSpelling(string asked, string name) => WithoutScheme(asked).Length == asked.Length && IsWellFormed(asked) && Same(asked, name);

    /// <summary>
    /// Whether a text can be read as a name in one way only: 1 to <see cref="MaxLength"/> characters without control characters and white space, no
    /// scheme but <c>http://</c> or <c>https://</c> at the beginning, no empty part, and neither <c>.</c> nor <c>..</c> as a part.
    /// </summary>
    public static bool IsWellFormed(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length is 0 or > MaxLength)
            return false;
        foreach (var c in name)
        {
            if (char.IsControl(c) || char.IsWhiteSpace(c) || c == '\\')
                return false;
        }
        var rest = WithoutScheme(name);
        // A server of OpenAI's API may name a model by the path of its file.
        if (rest is ['/', ..] && rest.Length == name.Length)
            rest = rest[1..];
        foreach (var range in rest.Split('/'))
        {
            if (rest[range] is "" or "." or ".." or [':', ..] or [.., ':'])
                return false;
        }
        return true;
    }

    /// <summary>
    /// Whether a model that is not known yet could have the name: <see cref="IsWellFormed"/>, and only letters and digits of ASCII, <c>_ - . : /</c> and
    /// <c>@</c>, beginning with a letter, a digit or <c>_</c>.
    /// </summary>
    public static bool IsPlausible(string name)
    {
        if (!IsWellFormed(name) || !(char.IsAsciiLetterOrDigit(name[0]) || name[0] == '_'))
            return false;
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('_' or '-' or '.' or ':' or '/' or '@'))
                return false;
        }
        return true;
    }

    /// <summary>Whether the name says its tag; a colon before a slash is that of a port.</summary>
    public static bool HasTag(ReadOnlySpan<char> name) => name.LastIndexOf(':') > name.LastIndexOf('/');

    /// <summary>The name without its tag.</summary>
    public static ReadOnlySpan<char> WithoutTag(ReadOnlySpan<char> name) => HasTag(name) ? name[..name.LastIndexOf(':')] : name;

    /// <summary>The name without <c>http://</c> or <c>https://</c> before it.</summary>
    public static ReadOnlySpan<char> WithoutScheme(ReadOnlySpan<char> name) =>
        name.StartsWith("https://", StringComparison.OrdinalIgnoreCase) ? name["https://".Length..]
        : name.StartsWith("http://", StringComparison.OrdinalIgnoreCase) ? name["http://".Length..]
        : name;
}
