namespace Chasqui.Server;

/// <summary>Images inside of URLs, the only ones that can be read: nothing is fetched from elsewhere.</summary>
internal static class ImageUrl
{
    /// <summary>What Ollama takes; the one without a type is for clients that know only the bytes.</summary>
    private static readonly string[] _prefixes =
        ["data:image/jpeg;base64,", "data:image/jpg;base64,", "data:image/png;base64,", "data:image/webp;base64,", "data:;base64,"];

    /// <summary>The bytes of the image.</summary>
    /// <param name="parameter">The field of the request, for the error.</param>
    /// <param name="url">A <c>data:</c> URL in base64.</param>
    public static byte[] Decode(string parameter, string url)
    {
        if (url.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || url.StartsWith("https://", StringComparison.OrdinalIgnoreCase))
            throw new InvalidParameterException(parameter, "image URLs are not currently supported, please use base64 encoded data instead");
        foreach (var prefix in _prefixes)
        {
            if (!url.StartsWith(prefix, StringComparison.Ordinal))
                continue;
            var bytes = new byte[url.Length];
            if (Convert.TryFromBase64Chars(url.AsSpan(prefix.Length), bytes, out var written))
                return bytes[..written];
        }
        throw new InvalidParameterException(parameter, "invalid image input: a data: URL with a jpeg, png or webp in base64 is expected");
    }
}
