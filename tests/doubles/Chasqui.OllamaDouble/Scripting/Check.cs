using System.Numerics;

namespace Chasqui.OllamaDouble;

internal static class Check
{
    public static void Range<T>(T value, T low, T high, string name) where T : INumber<T>
    {
        if (!(value >= low && value <= high))
            throw new ArgumentException($"{name} is {value}; it must be from {low} to {high}");
    }
}
