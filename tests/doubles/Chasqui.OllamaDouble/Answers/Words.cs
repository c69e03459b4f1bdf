namespace Chasqui.OllamaDouble;

/// <summary>Texts that are the same for the same prompt, on every machine.</summary>
internal static class Words
{
    /// <summary>What the double takes for a token of a prompt.</summary>
    public const int CharactersPerToken = 4;

    private static readonly string[] _spaced = [.. Vocabulary().Select(word => " " + word)];
    private static readonly string[] _plain = [.. Vocabulary()];

    public static int CountTokens(string text) => (text.Length + CharactersPerToken - 1) / CharactersPerToken;

    /// <summary>FNV-1a over the end of a text, with its length and a seed.</summary>
    public static ulong Hash(string text, long seed)
    {
        var hash = 14695981039346656037UL ^ (ulong)text.Length ^ ((ulong)seed << 32);
        foreach (var c in text.AsSpan(Math.Max(0, text.Length - 256)))
            hash = unchecked((hash ^ c) * 1099511628211UL);
        return hash;
    }

    /// <summary>That many tokens: words, all but the first after a space.</summary>
    public static string[] Make(ulong hash, int count)
    {
        var tokens = new string[count];
        for (var i = 0; i < count; i++)
        {
            hash = unchecked(hash * 6364136223846793005UL + 1442695040888963407UL);
            var word = (int)(hash >> 58);
            tokens[i] = i == 0 ? _plain[word] : _spaced[word];
        }
        return tokens;
    }

    /// <summary>A text as tokens, cut before each space.</summary>
    public static string[] Split(string text)
    {
        var tokens = new List<string>();
        for (var start = 0; start < text.Length;)
        {
            var end = text.IndexOf(' ', start + 1);
            tokens.Add(text[start..(end < 0 ? text.Length : end)]);
            start = end < 0 ? text.Length : end;
        }
        return [.. tokens];
    }

    // 64 words, none the beginning of a JSON value or of a stop text that somebody would use.
    private static IEnumerable<string> Vocabulary()
    {
        string[] first = ["ka", "lo", "mi", "ru", "sa", "te", "vu", "wi"], second = ["ra", "na", "lla", "qui", "mayu", "pa", "ti", "chu"];
        return first.SelectMany(start => second.Select(end => start + end));
    }
}
