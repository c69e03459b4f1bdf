namespace Chasqui;

/// <summary>How much one request for vectors may ask for, so that its answer fits into memory and into one message.</summary>
public static class EmbedLimits
{
    /// <summary>Most texts of one request, however short their vectors are.</summary>
    public const int MaxTexts = 16_384;

    /// <summary>Most numbers of one answer: 32 MiB of them, and about 90 as JSON.</summary>
    public const int MaxComponents = 1 << 23;

    /// <summary>Checks a request before, or as soon as, the length of its vectors is known.</summary>
    /// <param name="texts">Texts of the request.</param>
    /// <param name="components">Numbers of one vector; 0 while that is not known.</param>
    /// <exception cref="InvalidRequestException">There are more texts than one answer can hold vectors.</exception>
    public static void Check(int texts, int components)
    {
        var most = Math.Min(MaxTexts, MaxComponents / Math.Max(1, components));
        if (texts > most)
            throw new InvalidRequestException($"{texts} inputs are too many for one request, which may hold {most} for this model; send them in several");
    }
}
